// Tests the dashboard (infra/monitoring/dashboard.ts).
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { metricNames, metricNamespace } from '../../../lambda/telemetry/metric-names.ts';
import { propertiesOf } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

const minimal = templateOf('minimal');
const isolated = templateOf('private');

describe('the dashboard', () => {
  test('the dashboard shows failed calls, logins, login latency, remaining lifetime, callers and accounts', () => {
    const [dashboard] = propertiesOf('AWS::CloudWatch::Dashboard', minimal);
    const body = JSON.stringify(dashboard?.DashboardBody);
    for (const metric of [metricNames.failed, metricNames.loginLatency, metricNames.remainingLife]) {
      expect(body).toContain(metric);
    }
    for (const dimension of ['account', 'caller_role', 'code', 'outcome']) {
      expect(body).toContain(`{${metricNamespace},service,${dimension}}`);
    }
    expect(dashboard).not.toHaveProperty('DashboardName');
  });

  test('the dashboard shows only this broker when other brokers in the AWS account have the same metrics', () => {
    const body = JSON.stringify(propertiesOf('AWS::CloudWatch::Dashboard', minimal)).replaceAll('\\', '');
    const ofThisFunction = body.match(/SEARCH\('[^']* service="+,\{"Ref":"BrokerFunction\w+"\},"+'/g);
    expect(ofThisFunction).toHaveLength(body.split('SEARCH(').length - 1);
  });

  test('the dashboard shows the alarms first, and the denied calls only when there is an access log', () => {
    const titlesOf = (template: Template) =>
      [...JSON.stringify(propertiesOf('AWS::CloudWatch::Dashboard', template)).matchAll(/title\W+(\w[^"\\]*)/g)].map(
        ([, title]) => title,
      );
    const graphs = [
      'Calls that ended without a token: share',
      'Calls and logins',
      'Calls, by caller',
      'Failed calls, by code',
      'Failed calls, by caller',
      'Failed calls and warm-ups, by account',
      'Fegora: duration of a login',
      'Remaining lifetime of served tokens',
      'Failed logins, by outcome',
      'API: duration of a call in the function',
      'Function: invocations, warm-ups and throttles',
      'Signs and refusals',
    ];
    expect(titlesOf(minimal)).toEqual(['Alarms', ...graphs, 'Calls denied by API Gateway']);
    expect(titlesOf(isolated)).toEqual(['Alarms', ...graphs]);
  });
});

test('every metric of the function has an alarm or a graph', () => {
  const seen = JSON.stringify([
    propertiesOf('AWS::CloudWatch::Alarm', minimal),
    propertiesOf('AWS::CloudWatch::Dashboard', minimal),
  ]);
  expect(Object.values(metricNames).filter((name) => !seen.includes(name))).toEqual([]);
});

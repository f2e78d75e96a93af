// Tests the metrics and the public members of a broker (infra/token-broker-base.ts and index.ts).
import { Duration, Stack } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import * as publicApi from '../../infra/index.ts';
import { createApp } from './support/synth.ts';
import { createBroker, env } from './support/user-app.ts';

function build() {
  const stack = new Stack(createApp(), 'Stack', { env });
  return { stack, broker: createBroker(stack) };
}

test('the package exports the constructs and nothing else that runs', () => {
  expect(Object.keys(publicApi).sort()).toEqual(['BrokerProbe', 'FegoraRequests', 'TokenBroker']);
});

test.each([
  ['metricCalls', 'Failed', 'SampleCount'],
  ['metricFailedCalls', 'Failed', 'Sum'],
  ['metricRemainingLife', 'RemainingLife', 'Minimum'],
  ['metricLogins', 'LoginLatency', 'SampleCount'],
  ['metricFailedLogins', 'LoginsFailed', 'Sum'],
  ['metricLoginLatency', 'LoginLatency', 'p99'],
  ['metricDenied', 'Denied', 'Sum'],
  ['metricCredentialsRejected', 'CredentialsRejected', 'Sum'],
] as const)(
  '%s is the metric %s of this broker only, its %s over 5 minutes by default',
  (method, metricName, statistic) => {
    const { stack, broker } = build();
    const metric = broker[method]();
    expect(metric).toMatchObject({ namespace: 'FegoraTokenBroker', metricName, statistic });
    expect(metric.period.toMinutes()).toBe(5);
    expect(stack.resolve(metric.dimensions)).toEqual({ service: { Ref: expect.stringMatching(/^BrokerFunction/) } });
  },
);

test('a metric takes the options of CloudWatch, and adds a dimension to that of the broker', () => {
  const { stack, broker } = build();
  const metric = broker.metricFailedCalls({
    dimensionsMap: { code: 'upstream_unavailable' },
    statistic: 'SampleCount',
    period: Duration.minutes(1),
  });
  expect(metric).toMatchObject({ statistic: 'SampleCount' });
  expect(metric.period.toMinutes()).toBe(1);
  expect(stack.resolve(metric.dimensions)).toMatchObject({ code: 'upstream_unavailable', service: expect.anything() });
});

test('the broker shows its parts', () => {
  const { stack, broker } = build();
  const logicalId = (value: string) => JSON.stringify(stack.resolve(value));
  expect(logicalId(broker.key.keyArn)).toContain('BrokerKey');
  expect(logicalId(broker.table.tableName)).toContain('BrokerTable');
  expect(logicalId(broker.logGroup.logGroupName)).toContain('BrokerFunctionLog');
  expect(logicalId(broker.accessLog?.logGroupName ?? '')).toContain('BrokerApiAccessLog');
  expect(logicalId(broker.role.roleArn)).toContain('BrokerRole');
  expect(logicalId(broker.functionArn)).toContain('BrokerFunction');
  expect(logicalId(broker.url)).toContain('BrokerApi');
  expect(logicalId(broker.secretArnOf('main'))).toContain('BrokerCredentialsmain');
  expect(broker).toMatchObject({ accounts: ['main'], isPrivate: false, domainTarget: undefined });
  expect(() => broker.secretArnOf('absent')).toThrow('no account absent');
});

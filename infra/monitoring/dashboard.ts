// Creates the CloudWatch dashboard of a broker. Called by parts.ts.
import { Duration } from 'aws-cdk-lib';
import { Dashboard, type IMetric, type IWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { metricNames } from '../../lambda/telemetry/metric-names.ts';
import type { MetricSources } from './alarm-metrics.ts';
import type { BrokerAlarms } from './alarms.ts';
import { failures, gatewayAnswers, loginsByAccount, secretVersions, tasks, versions } from './log-tables.ts';
import { alarmStates, graph, question } from './widgets.ts';

/** The metrics, alarms and logs that the dashboard shows. */
export interface DashboardProps extends MetricSources {
  /**
   * The alarms, whose states and thresholds are shown.
   *
   * @default - no states
   */
  readonly alarms?: Pick<BrokerAlarms, 'alarms' | 'accountAlarms' | 'all'> | undefined;
  /**
   * The access log of the API.
   *
   * @default - no list of the calls that API Gateway refused
   */
  readonly accessLog?: LogGroup | undefined;
}

/**
 * One dashboard. Its rows answer the questions of an engineer who is on call, in the order in which they come up.
 *
 * Searches for metrics that exist anyway, and queries on the log, find the account, the caller and the code. Both cost nothing at
 * rest. A metric for each combination would cost 0.30 USD a month, and a rule of Contributor Insights 0.50.
 */
export class BrokerDashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    // Half a day: what changed is often some hours old when it is noticed.
    const dashboard = new Dashboard(this, 'Resource', { defaultInterval: Duration.hours(12) });
    const rows = [served, notServed, fegora, logins, changes].flatMap((part) => part(props));
    for (const row of rows) {
      dashboard.addWidgets(...row);
    }
  }
}

function served(props: DashboardProps): IWidget[][] {
  const { metrics, broker, alarms } = props;
  const { failed } = metricNames;
  const ofAccounts = new Set(alarms?.accountAlarms.values());
  const duration = (statistic: string) => broker.http.metricDuration({ statistic, label: statistic });
  const share = metrics.of(failed, { statistic: Stats.AVERAGE, label: 'share' });
  const all = metrics.of(failed, { statistic: Stats.SAMPLE_COUNT, label: 'all' });
  return [
    [
      question(
        '1. Are callers served?',
        'Good: the share is 0, and no alarm rings. Refused calls are not in the share.',
      ),
    ],
    alarmStates('Alarms', alarms?.all.filter((alarm) => !ofAccounts.has(alarm)) ?? []),
    [
      graph('Share without a token', [share], { width: 6, alarm: alarms?.alarms.CallsFail }),
      graph('Calls', [all, metrics.of(failed, { label: 'without a token' })], { width: 6 }),
      refusedCalls(props),
      graph('Duration of API calls', [duration(Stats.p(50)), duration(Stats.p(99))], {
        width: 6,
        unit: 'ms',
        alarm: alarms?.alarms.SlowCalls,
      }),
    ],
  ];
}

function refusedCalls({ metrics, broker, gatewayMetrics }: DashboardProps): IWidget {
  const byGateway = gatewayMetrics?.denials.with({ label: 'by API Gateway' });
  const unreached = gatewayMetrics?.failures.with({ label: 'API Gateway failed' });
  const refusals = [
    metrics.of(metricNames.denied, { label: 'by the broker' }),
    ...[byGateway, unreached].filter((metric) => metric !== undefined),
    broker.function.metricThrottles({ label: 'by Lambda' }),
  ];
  return graph('Refused calls', refusals, { width: 6, stacked: true });
}

function notServed({ metrics, broker, alarms, accessLog }: DashboardProps): IWidget[][] {
  const failed = (by: 'account' | 'caller_role' | 'code') => [metrics.by(metricNames.failed, by, 'Sum')];
  const width = accessLog === undefined ? 24 : 13;
  return [
    [question('2. Which are not?', 'Good: all are 0. Each code has its runbook in docs/operations.md, «Alarms».')],
    alarmStates('AccountFails, by account', [...(alarms?.accountAlarms.values() ?? [])]),
    [
      graph('Failed calls, by code', failed('code'), { stacked: true }),
      graph('Failed calls and warm-ups, by account', failed('account'), { stacked: true }),
      graph('Failed calls, by caller', failed('caller_role'), { stacked: true }),
    ],
    [failures(broker.logGroup, width), ...(accessLog === undefined ? [] : [gatewayAnswers(accessLog, 24 - width)])],
  ];
}

function fegora(props: DashboardProps): IWidget[][] {
  const { metrics } = props;
  const { clockSkew, credentialsRejected, clientRejected, html500Repeated } = metricNames;
  const latency = (statistic: string) => metrics.of(metricNames.loginLatency, { statistic, label: statistic });
  const skew = metrics.of(clockSkew, { statistic: Stats.MAXIMUM, label: 'clock skew' });
  const failed = metrics.by(metricNames.loginsFailed, 'outcome', 'Sum');
  const signs = counts(props, [credentialsRejected, clientRejected, html500Repeated]);
  return [
    [
      question(
        '3. Is Fegora well?',
        'Good: logins take under 2 s, and none fails. If Fegora is well, look at «Our own side».',
      ),
    ],
    [
      graph('Login time, clock skew', [latency(Stats.p(50)), latency(Stats.p(99)), skew], { width: 6, unit: 'ms' }),
      graph('Failed logins, by outcome', [failed], { width: 6, stacked: true }),
      graph('Signs from Fegora', signs, { width: 6, stacked: true }),
      ownSide(props),
    ],
  ];
}

function ownSide(props: DashboardProps): IWidget {
  const { operatorFaults, secretUnavailable, tableUnavailable, securitySigns, paused } = metricNames;
  const { http, warmup } = props.broker;
  const causes = [
    ...counts(props, [operatorFaults, secretUnavailable, tableUnavailable, securitySigns, paused]),
    http.metricErrors({ label: 'Crashes' }),
    warmup.metricErrors({ label: 'Crashes of warm-ups' }),
  ];
  return graph('Our own side', causes, { width: 6, stacked: true });
}

function counts({ metrics }: DashboardProps, names: readonly string[]): IMetric[] {
  return names.map((name) => metrics.of(name, { label: name }));
}

function logins(props: DashboardProps): IWidget[][] {
  const { metrics, broker } = props;
  const { failed, loginLatency, remainingLife, budgetHalfUsed } = metricNames;
  const all = metrics.of(loginLatency, { statistic: Stats.SAMPLE_COUNT, label: 'logins' });
  const calls = metrics.of(failed, { statistic: Stats.SAMPLE_COUNT, label: 'calls (right)' });
  const shortest = metrics.of(remainingLife, { statistic: Stats.MINIMUM, label: 'shortest' });
  const median = metrics.of(remainingLife, { statistic: Stats.p(50), label: 'p50' });
  const warmUps = broker.warmup.metricInvocations({ label: 'warm-ups' });
  return [
    [
      question(
        '4. Are logins as few as they should be?',
        'Good: one for each account and token, for any number of calls.',
      ),
    ],
    [
      graph('Logins', [all], { width: 6, right: [calls] }),
      graph('Tokens: lifetime left', [shortest, median], { width: 6, unit: 's' }),
      graph('Warm-ups and budgets', [warmUps, ...counts(props, [budgetHalfUsed])], { width: 6 }),
      loginsByAccount(broker.logGroup, 6),
    ],
  ];
}

function changes({ broker: { logGroup } }: DashboardProps): IWidget[][] {
  return [
    [
      question(
        '5. What changed?',
        'Good: nothing shortly before the trouble. For older changes, choose a longer time.',
      ),
    ],
    [versions(logGroup, 6), tasks(logGroup, 10), secretVersions(logGroup, 8)],
  ];
}

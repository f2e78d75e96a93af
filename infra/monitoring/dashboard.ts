// Creates the CloudWatch dashboard of a broker. Called by token-broker.ts.
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { metricNames } from '../../lambda/telemetry/metric-names.ts';
import type { BrokerFunction } from '../resources/function.ts';
import type { BrokerMetrics } from './metrics.ts';

/** The metrics, alarms and log that the dashboard shows. */
export interface DashboardProps {
  readonly metrics: BrokerMetrics;
  readonly broker: BrokerFunction;
  readonly alarms: readonly Alarm[];
  /**
   * The access log of the API.
   *
   * @default - no list of the calls that API Gateway denied
   */
  readonly accessLog?: LogGroup | undefined;
}

/**
 * One dashboard. The graphs at the top matter to callers, those at the bottom only to operators. docs/operations.md
 * explains how to read them.
 */
export class BrokerDashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const dashboard = new Dashboard(this, 'Resource');
    if (props.alarms.length > 0) {
      dashboard.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms: [...props.alarms], width: 24, height: 3 }));
    }
    dashboard.addWidgets(...servedRow(props));
    dashboard.addWidgets(...failureRow(props));
    dashboard.addWidgets(...fegoraRow(props));
    dashboard.addWidgets(...functionRow(props));
    if (props.accessLog !== undefined) {
      dashboard.addWidgets(deniedCalls(props.accessLog));
    }
  }
}

interface GraphOptions {
  /** Whether the lines are stacked areas. Default false. */
  readonly stacked?: boolean;
  /** Unit of the values, as the label of the axis. */
  readonly unit?: string;
}

function graph(title: string, left: readonly IMetric[], more: GraphOptions = {}): GraphWidget {
  const { stacked = false, unit } = more;
  return new GraphWidget({
    title,
    left: [...left],
    stacked,
    width: 8,
    height: 6,
    leftYAxis: { min: 0, showUnits: false, ...(unit !== undefined && { label: unit }) },
  });
}

function servedRow({ metrics }: DashboardProps): IWidget[] {
  const calls = metrics.of(metricNames.failed, { statistic: Stats.SAMPLE_COUNT, label: 'Calls' });
  const logins = metrics.of(metricNames.loginLatency, { statistic: Stats.SAMPLE_COUNT, label: 'Logins' });
  return [
    graph('Calls that ended without a token: share', [
      metrics.of(metricNames.failed, { statistic: Stats.AVERAGE, label: 'Share' }),
    ]),
    graph('Calls and logins', [calls, logins]),
    graph('Calls, by caller', [metrics.by(metricNames.failed, 'caller_role', 'SampleCount')], { stacked: true }),
  ];
}

function failureRow({ metrics }: DashboardProps): IWidget[] {
  const failed = (by: 'account' | 'caller_role' | 'code') => [metrics.by(metricNames.failed, by, 'Sum')];
  return [
    graph('Failed calls, by code', failed('code'), { stacked: true }),
    graph('Failed calls, by caller', failed('caller_role'), { stacked: true }),
    graph('Failed calls and warm-ups, by account', failed('account'), { stacked: true }),
  ];
}

function fegoraRow({ metrics }: DashboardProps): IWidget[] {
  const latency = (statistic: string) => metrics.of(metricNames.loginLatency, { statistic, label: statistic });
  const lifetime = (statistic: string) => metrics.of(metricNames.remainingLife, { statistic, label: statistic });
  return [
    graph('Fegora: duration of a login', [latency(Stats.p(50)), latency(Stats.p(99))], { unit: 'ms' }),
    graph('Remaining lifetime of served tokens', [lifetime(Stats.MINIMUM), lifetime(Stats.p(50))], { unit: 's' }),
    graph('Failed logins, by outcome', [metrics.by(metricNames.loginsFailed, 'outcome', 'Sum')], { stacked: true }),
  ];
}

function functionRow({ metrics, broker }: DashboardProps): IWidget[] {
  const duration = (statistic: string) => broker.http.metricDuration({ statistic, label: statistic });
  return [
    graph('API: duration of a call in the function', [duration(Stats.p(50)), duration(Stats.p(99))], { unit: 'ms' }),
    graph('Function: invocations, warm-ups and throttles', [
      broker.function.metricInvocations({ label: 'Invocations' }),
      broker.warmup.metricInvocations({ label: 'Warm-ups' }),
      broker.function.metricThrottles({ label: 'Throttles' }),
    ]),
    graph(
      'Signs and refusals',
      rareMetrics.map((name) => metrics.of(name, { label: name })),
      { stacked: true },
    ),
  ];
}

/** The metrics that are written only if something happens, and have no graph of their own. */
const graphed: ReadonlySet<string> = new Set(['Failed', 'RemainingLife', 'LoginLatency', 'LoginsFailed']);
const rareMetrics = Object.values(metricNames).filter((name) => !graphed.has(name));

function deniedCalls(accessLog: LogGroup): IWidget {
  return new LogQueryWidget({
    title: 'Calls denied by API Gateway',
    logGroupNames: [accessLog.logGroupName],
    queryLines: [
      'filter status = "403"',
      'stats count(*) as calls, max(@timestamp) as latest by caller, source_ip, path, error_type',
      'sort calls desc',
      'limit 20',
    ],
    width: 24,
    height: 6,
  });
}

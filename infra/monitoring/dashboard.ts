// Creates the CloudWatch dashboard of a broker. Called by token-broker.ts.
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  MathExpression,
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
    dashboard.addWidgets(...fegoraRow(props));
    dashboard.addWidgets(...failureRow(props));
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
  /** Start of the axis: 0, or the lowest value. Default 0. */
  readonly min?: 0 | 'lowest';
}

function graph(title: string, left: readonly IMetric[], more: GraphOptions = {}): GraphWidget {
  const { stacked = false, unit, min = 0 } = more;
  return new GraphWidget({
    title,
    left: [...left],
    stacked,
    width: 8,
    height: 6,
    leftYAxis: { ...(min !== 'lowest' && { min }), showUnits: false, ...(unit !== undefined && { label: unit }) },
  });
}

function servedRow({ metrics }: DashboardProps): IWidget[] {
  const served = metrics.of(metricNames.served, { label: 'Tokens served' });
  const logins = metrics.of(metricNames.logins, { label: 'Logins' });
  const avoided = new MathExpression({
    expression: 'FILL(served, 0) - FILL(logins, 0)',
    usingMetrics: { served, logins },
    label: 'Logins avoided',
  });
  return [
    graph('Tokens served, by source', [metrics.by(metricNames.served, 'source', 'Sum')], { stacked: true }),
    // Warm-ups log in ahead of calls, so at night there can be more logins than tokens served.
    graph('Logins made and avoided', [logins, avoided], { min: 'lowest' }),
    graph('Calls, by caller', [metrics.by(metricNames.served, 'caller', 'Sum')], { stacked: true }),
  ];
}

function fegoraRow({ metrics }: DashboardProps): IWidget[] {
  const latency = (statistic: string) => metrics.of(metricNames.loginLatency, { statistic, label: statistic });
  const lifetime = (statistic: string) => metrics.of(metricNames.remainingLife, { statistic, label: statistic });
  return [
    graph('Fegora: duration of a login', [latency(Stats.p(50)), latency(Stats.p(99))], { unit: 'ms' }),
    graph(
      'Remaining lifetime of served tokens',
      [lifetime(Stats.MINIMUM), lifetime(Stats.p(50)), metrics.by(metricNames.remainingLife, 'account', 'Minimum')],
      { unit: 's' },
    ),
    graph('Logins, by outcome', [metrics.by(metricNames.logins, 'outcome', 'Sum')], { stacked: true }),
  ];
}

function failureRow({ metrics }: DashboardProps): IWidget[] {
  const incidents = [
    metricNames.clockUnsteady,
    metricNames.denied,
    metricNames.guardExpired,
    metricNames.malformedItems,
    metricNames.markUnwritten,
    metricNames.publishRefused,
    metricNames.retryHeld,
    metricNames.tableUnavailable,
    metricNames.userTakenOver,
  ];
  return [
    graph('Errors, by code', [metrics.by(metricNames.errors, 'code', 'Sum')], { stacked: true }),
    graph('Errors, by caller', [metrics.by(metricNames.errors, 'caller', 'Sum')], { stacked: true }),
    graph(
      'Incidents',
      incidents.map((name) => metrics.of(name, { label: name })),
      { stacked: true },
    ),
  ];
}

function functionRow({ metrics, broker }: DashboardProps): IWidget[] {
  const duration = (statistic: string) => broker.http.metricDuration({ statistic, label: statistic });
  return [
    graph('API: duration of a call in the function', [duration(Stats.p(50)), duration(Stats.p(99))], { unit: 'ms' }),
    graph('Function: invocations and throttles', [
      broker.function.metricInvocations({ label: 'Invocations' }),
      broker.function.metricThrottles({ label: 'Throttles' }),
    ]),
    graph('Warm-ups', [metrics.of(metricNames.warmUps, { label: 'Warm-ups' })]),
  ];
}

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

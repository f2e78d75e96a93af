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
import type { BrokerFunction } from '../function.ts';
import type { BrokerMetrics } from './metrics.ts';

/** What the dashboard shows. */
export interface DashboardProps {
  readonly metrics: BrokerMetrics;
  readonly broker: BrokerFunction;
  readonly alarms: readonly Alarm[];
  /** @default - no list of the calls that API Gateway denied */
  readonly accessLog?: LogGroup | undefined;
}

/** One screen, from what callers feel at the top to what only we need at the bottom. How to read it: docs/operations.md. */
export class BrokerDashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const dashboard = new Dashboard(this, 'Resource');
    dashboard.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms: [...props.alarms], width: 24, height: 3 }));
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
  readonly stacked?: boolean;
  readonly unit?: string;
  /** Where the axis begins; `lowest`: at the lowest value. */
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
    // Warm-ups log in ahead of calls: in a quiet night, more is made than served.
    graph('Logins made and avoided', [logins, avoided], { min: 'lowest' }),
    graph('Calls, by caller', [metrics.by(metricNames.served, 'caller', 'Sum')], { stacked: true }),
  ];
}

function fegoraRow({ metrics }: DashboardProps): IWidget[] {
  const latency = (statistic: string) => metrics.of(metricNames.loginLatency, { statistic, label: statistic });
  const life = (statistic: string) => metrics.of(metricNames.remainingLife, { statistic, label: statistic });
  return [
    graph('Fegora: how long a login takes', [latency(Stats.p(50)), latency(Stats.p(99))], { unit: 'ms' }),
    graph(
      'Life that tokens had left when served',
      [life(Stats.MINIMUM), life(Stats.p(50)), metrics.by(metricNames.remainingLife, 'account', 'Minimum')],
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
    graph('API: how long a call takes the function', [duration(Stats.p(50)), duration(Stats.p(99))], { unit: 'ms' }),
    graph('Function: calls and refusals by Lambda', [
      broker.function.metricInvocations({ label: 'Invocations' }),
      broker.function.metricThrottles({ label: 'Throttles' }),
    ]),
    graph('Warm-ups', [metrics.of(metricNames.warmUps, { label: 'Warm-ups' })]),
  ];
}

function deniedCalls(accessLog: LogGroup): IWidget {
  return new LogQueryWidget({
    title: 'Calls that API Gateway denied',
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

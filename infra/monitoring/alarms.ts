// Creates the alarms of a broker. Called by token-broker.ts.
import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { metricNames } from '../../lambda/telemetry/metric-names.ts';
import { type AlarmMetric, alarmMetrics, type MetricSources } from './alarm-metrics.ts';
import { type AlarmName, type AlarmThresholds, type AlarmTopics, alarmNames } from './alarm-names.ts';
import { type AlarmRule, alarmRules } from './alarm-rules.ts';
import { notify } from './notify.ts';

/** The metrics to watch, and where alarms go. */
export interface AlarmsProps extends MetricSources {
  /** Ids of all accounts: each gets an alarm. */
  readonly accounts: readonly string[];
  /**
   * Time between two warm-ups.
   *
   * @default - no schedule renews tokens, so there is no alarm on missing warm-ups
   */
  readonly warmUpEvery?: Duration | undefined;
  /** SNS topics for alarms that fire or stop. */
  readonly topics: AlarmTopics;
  /**
   * Other thresholds, and alarms to leave out.
   *
   * @default - every alarm, with its default
   */
  readonly thresholds?: AlarmThresholds | undefined;
}

/** Alarms by name. Alarms that the settings leave out are absent. */
export type Alarms = Readonly<Partial<Record<AlarmName, Alarm>>>;

/** One alarm of the stack. */
interface Wanted {
  readonly id: string;
  readonly name: AlarmName;
  readonly metric: AlarmMetric;
  /** What the description begins with. */
  readonly about?: string;
  /** The account that it is about. @default - all of them */
  readonly account?: string;
}

/**
 * All alarms that an operator should react to. For direct callers, every failure is a thrown error. So Lambda's own
 * error count says nothing useful about their aliases, and our own metrics count the failures.
 */
export class BrokerAlarms extends Construct {
  /** By the name of the alarm. `AccountFails` is that of the first account. */
  readonly alarms: Alarms;
  /** `AccountFails` of each account, by its id. Empty if the settings leave them out. */
  readonly accountAlarms: ReadonlyMap<string, Alarm>;
  /** All of them. */
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const wanted = [...commonAlarms(props), ...props.accounts.map((account) => accountAlarm(props, account))];
    const created = wanted.flatMap((one) => this.create(one, props).map((alarm) => [one, alarm] as const));
    this.all = created.map(([, alarm]) => alarm);
    // Of one name, the last entry stays.
    this.alarms = Object.fromEntries(created.map(([{ name }, alarm]) => [name, alarm] as const).reverse());
    this.accountAlarms = new Map(
      created.flatMap(([{ account }, alarm]) => (account === undefined ? [] : [[account, alarm]])),
    );
  }

  /** Returns no alarm if the settings leave it out, or if the stack has no such metric. */
  private create({ id, name, metric: metricOf, about = '' }: Wanted, props: AlarmsProps): Alarm[] {
    const rule: AlarmRule = alarmRules[name];
    const threshold = props.thresholds?.[name] ?? rule.threshold;
    const metric = metricOf(periodOf(rule, props));
    if (metric === undefined || threshold === false) {
      return [];
    }
    const [datapointsToAlarm, evaluationPeriods] = rule.periods;
    const alarm = new Alarm(this, id, {
      alarmDescription: `${about}${rule.description} Severity: ${rule.severity}. Runbook: docs/operations.md, ${name}.`,
      metric,
      threshold,
      datapointsToAlarm,
      evaluationPeriods,
      ...(name === 'NoWarmUp' ? onSilence : onValue),
    });
    notify([alarm], props.topics[rule.severity]);
    return [alarm];
  }
}

const onValue = {
  comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  treatMissingData: TreatMissingData.NOT_BREACHING,
} as const;
const onSilence = {
  comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
  treatMissingData: TreatMissingData.BREACHING,
} as const;

function commonAlarms(props: AlarmsProps): Wanted[] {
  const metrics = alarmMetrics(props);
  return alarmNames.flatMap((name) => {
    const isWanted = name !== 'AccountFails' && (name !== 'NoWarmUp' || props.warmUpEvery !== undefined);
    return isWanted ? [{ id: name, name, metric: metrics[name] }] : [];
  });
}

/** One for each account, so that an account that stays in trouble hides no other. */
function accountAlarm({ metrics }: AlarmsProps, account: string): Wanted {
  return {
    id: `AccountFails-${account}`,
    name: 'AccountFails',
    account,
    metric: (period) => metrics.of(metricNames.failed, { period }, { account }),
    about: `Account ${account}: `,
  };
}

/** A period in which no warm-up runs would count as healthy. */
function periodOf({ minutes, isWarm = false }: AlarmRule, { warmUpEvery }: AlarmsProps): Duration {
  const between = warmUpEvery?.toMinutes() ?? 0;
  return Duration.minutes(isWarm && between > longestBetween ? between : minutes);
}

/** With warm-ups this far apart, each window of 5 periods of 3 minutes has at least three. Minutes. */
const longestBetween = 4;

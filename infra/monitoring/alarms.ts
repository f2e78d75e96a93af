// Creates the alarms of a broker. Called by token-broker.ts.
import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { metricNames } from '../../lambda/telemetry/metric-names.ts';
import type { GatewayMetrics } from '../api/access-log.ts';
import type { BrokerFunction } from '../resources/function.ts';
import type { AlarmName, AlarmThresholds } from './alarm-names.ts';
import { type BrokerMetrics, failedLogins, ownErrors } from './metrics.ts';

/** The metrics to watch, and where alarms go. */
export interface AlarmsProps {
  readonly metrics: BrokerMetrics;
  readonly broker: BrokerFunction;
  /**
   * Counts of API Gateway's own answers.
   *
   * @default - no alarm on them, because there is no access log to count them in
   */
  readonly gatewayMetrics?: GatewayMetrics | undefined;
  /** Whether a schedule renews tokens. Only then there is an alarm on missing warm-ups. */
  readonly isWarmed: boolean;
  /**
   * SNS topic for alarms that fire or stop.
   *
   * @default - alarms only appear in the console and on the dashboard
   */
  readonly topic?: ITopic | undefined;
  /**
   * Other thresholds, and alarms to leave out.
   *
   * @default - every alarm, with its default
   */
  readonly thresholds?: AlarmThresholds | undefined;
}

/** One alarm. Its id is the heading of its runbook in docs/operations.md. */
interface AlarmRule {
  readonly metric: IMetric;
  /** What happened, then what to do. */
  readonly description: string;
  /** The alarm fires if the metric has at least this value. */
  readonly threshold: number;
  /** Number of periods in a row. Default 1. */
  readonly periods?: number;
  /** The alarm fires if the metric is below the threshold or missing. Default false. */
  readonly firesOnSilence?: boolean;
}

type Rules = Readonly<Partial<Record<AlarmName, AlarmRule>>>;

/** Alarms by name. Alarms that the settings leave out are absent. */
export type Alarms = Readonly<Partial<Record<AlarmName, Alarm>>>;

/**
 * All alarms that an operator should react to. For direct callers, every failure is a thrown error. So Lambda's own
 * error count says nothing useful about their aliases, and our own metrics count the failures.
 */
export class BrokerAlarms extends Construct {
  /** By the name of the alarm. */
  readonly alarms: Alarms;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.alarms = Object.fromEntries(
      rulesOf(props).map(([name, rule]) => [name, this.createAlarm(name, rule)] as const),
    );
    for (const alarm of Object.values(this.alarms)) {
      if (props.topic !== undefined) {
        alarm.addAlarmAction(new SnsAction(props.topic));
        alarm.addOkAction(new SnsAction(props.topic));
      }
    }
  }

  private createAlarm(name: string, rule: AlarmRule): Alarm {
    const { metric, description, threshold, periods = 1, firesOnSilence = false } = rule;
    return new Alarm(this, name, {
      alarmDescription: `${description} Runbook: docs/operations.md, ${name}.`,
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: firesOnSilence
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: firesOnSilence ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
  }
}

/** Returns the rules of the alarms that the settings want, each with its threshold. */
function rulesOf(props: AlarmsProps): [string, AlarmRule][] {
  const rules: Rules = { ...fegoraAlarms(props), ...brokerAlarms(props), ...accessAlarms(props) };
  const chosen = new Map<string, number | false | undefined>(Object.entries(props.thresholds ?? {}));
  return Object.entries(rules).flatMap(([name, rule]) => {
    const threshold = chosen.get(name) ?? rule.threshold;
    return threshold === false ? [] : [[name, { ...rule, threshold }]];
  });
}

function fegoraAlarms({ metrics }: AlarmsProps): Rules {
  return {
    CredentialsRejected: {
      metric: metrics.of(metricNames.credentialsRejected),
      description:
        'Fegora rejects the credentials of an account. Set the right ones, or ask Fegora to unlock the user.',
      threshold: 1,
    },
    ClientRejected: {
      metric: metrics.of(metricNames.clientRejected),
      description: 'Fegora rejects the client id. Compare it with the one that Fegora gave you.',
      threshold: 1,
    },
    DuplicateUser: {
      metric: metrics.of(metricNames.duplicateUser),
      description: 'Two accounts have the same Fegora user, so one of them cannot log in. Correct its secret.',
      threshold: 1,
    },
    BudgetHalfUsed: {
      metric: metrics.of(metricNames.budgetHalfUsed),
      description:
        'A Fegora user has used up half of its logins for an hour or a day. Find the caller that reports tokens, or ' +
        'raise the budget.',
      threshold: 1,
    },
    RetryHeld: {
      metric: metrics.of(metricNames.retryHeld),
      description: 'For 15 minutes, callers have got the answer of an earlier failed login. Check what Fegora answers.',
      threshold: 1,
      periods: 3,
    },
    LoginsFail: {
      metric: failedLogins(metrics),
      description: 'Logins have failed in each of three periods of 10 minutes. Check what Fegora answers.',
      threshold: 1,
      periods: 3,
    },
    Html500Repeated: {
      metric: metrics.of(metricNames.html500Repeated),
      description:
        'Fegora answered three logins in a row with an HTML 500, so the user may be unable to log in. ' +
        'Ask Fegora to delete the refresh tokens of this user.',
      threshold: 1,
    },
    ClockSkew: {
      metric: metrics.of(metricNames.clockSkew, { statistic: Stats.MINIMUM, period: Duration.hours(1) }),
      description: "Fegora's clock and ours have differed by 30 s or more for an hour. Tell Fegora.",
      threshold: 30_000,
    },
  };
}

function brokerAlarms({ metrics, broker, isWarmed }: AlarmsProps): Rules {
  return {
    TableUnavailable: {
      metric: metrics.of(metricNames.tableUnavailable),
      description:
        'The broker cannot use its table: it serves valid tokens and starts no login. Read the log of the function.',
      threshold: 1,
    },
    Errors: {
      metric: ownErrors(metrics),
      description: 'Calls fail for a reason that only the operator can correct. Read the log of the function.',
      threshold: 1,
    },
    Crashes: {
      metric: new MathExpression({
        expression: 'SUM([http, warmup])',
        usingMetrics: { http: broker.http.metricErrors(), warmup: broker.warmup.metricErrors() },
        label: 'Crashes and time-outs',
      }),
      description: 'The function crashed or timed out. Read the log of the function.',
      threshold: 1,
    },
    Throttles: {
      metric: broker.function.metricThrottles(),
      description: 'Lambda refused calls, because a concurrency limit is reached. Find the caller, or raise the limit.',
      threshold: 1,
    },
    SlowCalls: {
      metric: broker.http.metricDuration({ statistic: Stats.p(99) }),
      description: 'For 15 minutes, one call in a hundred has taken 3 s or more. Check how long logins take.',
      threshold: 3_000,
      periods: 3,
    },
    ...(isWarmed && {
      NoWarmUp: {
        metric: metrics.of(metricNames.warmUps, { period: Duration.minutes(10) }),
        description: 'No warm-up has run for 30 minutes. Check the schedule and its role.',
        threshold: 1,
        periods: 3,
        firesOnSilence: true,
      },
    }),
  };
}

function accessAlarms({ metrics, gatewayMetrics }: AlarmsProps): Rules {
  return {
    DeniedByBroker: {
      metric: metrics.of(metricNames.denied),
      description: 'The broker denied a call that IAM had allowed. Find the caller in the audit record.',
      threshold: 1,
    },
    ...(gatewayMetrics !== undefined && {
      DeniedByGateway: {
        metric: gatewayMetrics.denials,
        description: 'API Gateway denied 20 calls or more within 5 minutes. Find the callers in the access log.',
        threshold: 20,
      },
      GatewayFails: {
        metric: gatewayMetrics.failures,
        description:
          'API Gateway answered a call with its own 5xx, because it did not reach the function or got no answer. ' +
          'Find the error type in the access log.',
        threshold: 1,
      },
    }),
  };
}

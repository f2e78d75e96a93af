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
import type { GatewayMetrics } from '../api/stage.ts';
import type { BrokerFunction } from '../function.ts';
import { type BrokerMetrics, failedLogins, ownErrors } from './metrics.ts';

/** What is watched. */
export interface AlarmsProps {
  readonly metrics: BrokerMetrics;
  readonly broker: BrokerFunction;
  /**
   * What API Gateway answers by itself.
   *
   * @default - not watched: there is no access log to count it in
   */
  readonly gateway?: GatewayMetrics | undefined;
  /** Whether a schedule warms tokens up, so that its silence means something. */
  readonly isWarmed: boolean;
  /**
   * Where to send changes of state.
   *
   * @default - they show in the console and on the dashboard alone
   */
  readonly topic?: ITopic | undefined;
}

/** One alarm. Its id is the heading of its runbook in docs/operations.md. */
interface Watch {
  readonly metric: IMetric;
  /** What it means, in a few words. */
  readonly says: string;
  /** Rings from this value on. */
  readonly from: number;
  /** Periods in a row. */
  readonly periods?: number;
  /** Rings below the value instead, and when nothing at all is heard. */
  readonly isSilence?: boolean;
}

/**
 * Everything that should wake somebody up. Callers that invoke the function directly get failures as thrown errors, so
 * Lambda's own error count says nothing of their aliases; our own metrics do.
 */
export class BrokerAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.alarms = Object.entries({ ...watchFegora(props), ...watchBroker(props), ...watchDoors(props) }).map(
      ([name, watch]) => this.createAlarm(name, watch),
    );
    for (const alarm of this.alarms) {
      if (props.topic !== undefined) {
        alarm.addAlarmAction(new SnsAction(props.topic));
        alarm.addOkAction(new SnsAction(props.topic));
      }
    }
  }

  private createAlarm(name: string, { metric, says, from, periods = 1, isSilence = false }: Watch): Alarm {
    return new Alarm(this, name, {
      alarmDescription: `${says} Runbook: docs/operations.md, ${name}.`,
      metric,
      threshold: from,
      evaluationPeriods: periods,
      comparisonOperator: isSilence
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: isSilence ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
  }
}

function watchFegora({ metrics }: AlarmsProps): Record<string, Watch> {
  return {
    CredentialsRejected: {
      metric: metrics.of(metricNames.credentialsRejected),
      says: 'Fegora refuses the credentials of an account.',
      from: 1,
    },
    ClientRejected: {
      metric: metrics.of(metricNames.clientRejected),
      says: 'Fegora refuses the client id.',
      from: 1,
    },
    RetryHeld: {
      metric: metrics.of(metricNames.retryHeld),
      says: 'Callers have been answered with an earlier failure for 15 minutes.',
      from: 1,
      periods: 3,
    },
    LoginsFail: {
      metric: failedLogins(metrics),
      says: 'Logins have failed in each of three periods of 10 minutes.',
      from: 1,
      periods: 3,
    },
    Html500Repeated: {
      metric: metrics.of(metricNames.html500Repeated),
      says: 'Fegora answered three logins in a row with an HTML 500: the account may be bricked.',
      from: 1,
    },
    ClockSkew: {
      metric: metrics.of(metricNames.clockSkew, { statistic: Stats.MINIMUM, period: Duration.hours(1) }),
      says: "Fegora's clock and ours are 30 s or more apart.",
      from: 30_000,
    },
  };
}

function watchBroker({ metrics, broker, isWarmed }: AlarmsProps): Record<string, Watch> {
  return {
    TableUnavailable: {
      metric: metrics.of(metricNames.tableUnavailable),
      says: 'The shared table cannot be used: valid tokens are served, no login is started.',
      from: 1,
    },
    Errors: { metric: ownErrors(metrics), says: 'Calls fail for a reason that only we can mend.', from: 1 },
    Crashes: {
      metric: new MathExpression({
        expression: 'SUM([http, warmup])',
        usingMetrics: { http: broker.http.metricErrors(), warmup: broker.warmup.metricErrors() },
        label: 'Crashes and time-outs',
      }),
      says: 'The function crashed or timed out.',
      from: 1,
    },
    Throttles: {
      metric: broker.function.metricThrottles(),
      says: 'Lambda refused calls: a limit on concurrency is reached.',
      from: 1,
    },
    SlowCalls: {
      metric: broker.http.metricDuration({ statistic: Stats.p(99) }),
      says: 'One call in a hundred has taken over 3 s for 15 minutes.',
      from: 3_000,
      periods: 3,
    },
    ...(isWarmed && {
      NoWarmUp: {
        metric: metrics.of(metricNames.warmUps, { period: Duration.minutes(10) }),
        says: 'No warm-up ran for 30 minutes.',
        from: 1,
        periods: 3,
        isSilence: true,
      },
    }),
  };
}

function watchDoors({ metrics, gateway }: AlarmsProps): Record<string, Watch> {
  return {
    DeniedByBroker: {
      metric: metrics.of(metricNames.denied),
      says: 'A caller that IAM let through asked for something it may not have.',
      from: 1,
    },
    ...(gateway !== undefined && {
      DeniedByGateway: {
        metric: gateway.denials,
        says: 'API Gateway denied 20 calls or more within 5 minutes.',
        from: 20,
      },
      GatewayFails: {
        metric: gateway.failures,
        says: 'API Gateway answered a call with a failure of its own: the function was not reached or did not answer.',
        from: 1,
      },
    }),
  };
}

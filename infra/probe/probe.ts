// The construct BrokerProbe: a function that asks for a token on a schedule, and its alarms. Called by users' stacks.
import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, type IAlarm, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Code, IFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { bundles, codeIn } from '../bundles.ts';
import { connectionVariables } from '../connect.ts';
import { notify } from '../monitoring/notify.ts';
import { CallerFunction } from '../resources/caller-function.ts';
import type { ITokenBroker } from '../token-broker-interface.ts';

/** What the probe asks for, and what it expects. */
export interface BrokerProbeProps {
  /** The broker of this stack, or of another one. */
  readonly broker: ITokenBroker;
  /** The account whose token the probe asks for. */
  readonly account: string;
  /**
   * How the probe gets the token, as for `connect`.
   *
   * @default api
   */
  readonly via?: 'api' | 'invoke' | undefined;
  /**
   * The outcome that the probe expects. With `token`, the probe gets the right. With `forbidden`, it gets no right, and
   * shows that the broker refuses a caller without a grant.
   *
   * @default token
   */
  readonly expected?: 'token' | 'forbidden' | undefined;
  /**
   * Time between two calls: whole minutes, from 1 minute to 8 hours.
   *
   * @default - 5 minutes
   */
  readonly every?: Duration | undefined;
  /**
   * SNS topic for the alarms.
   *
   * @default - alarms only appear in the console
   */
  readonly alarmTopic?: ITopic | undefined;
  /**
   * The bundle of the probe. Its handler is `index.handler`.
   *
   * @default - the bundle that is part of the package
   */
  readonly code?: Code | undefined;
}

/** A probe. One alarm fires if the outcome is not the expected one, another if the probe does not run. */
export class BrokerProbe extends Construct {
  /** The function of the probe. */
  readonly function: IFunction;
  /** Fires if the outcome was wrong twice within three calls. */
  readonly wrongOutcome: IAlarm;
  /** Fires if the probe has not run for three calls. */
  readonly silence: IAlarm;

  /** @throws Error if the broker does not have the account, if its API is private, or if `every` is out of its range */
  constructor(scope: Construct, id: string, props: BrokerProbeProps) {
    super(scope, id);
    const { expected = 'token', every = Duration.minutes(5) } = props;
    checkRate(every);
    const caller = this.createFunction(props, expected);
    this.function = caller.function as IFunction;
    new Schedule(this, 'Schedule', {
      schedule: ScheduleExpression.rate(every),
      target: new LambdaInvoke(caller.alias, { retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
    });
    const period = Duration.seconds(3 * every.toSeconds());
    const wrong = caller.alias.metricErrors({ period }).createAlarm(this, 'Wrong', {
      alarmDescription: `Twice within three calls, the outcome of a probe was not "${expected}". Read the log of the probe.`,
      threshold: 2,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    const silent = caller.alias.metricInvocations({ period }).createAlarm(this, 'Silent', {
      alarmDescription: 'The probe has not run for the time of three calls. Check its schedule.',
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.BREACHING,
    });
    notify([wrong, silent], props.alarmTopic);
    this.wrongOutcome = wrong;
    this.silence = silent;
  }

  /** A probe is in no VPC. */
  private checkReach({ isPrivate }: ITokenBroker, via: string): void {
    if (isPrivate && via === 'api') {
      throw new Error(
        `${this.node.path} cannot reach the private API of the broker, because a probe is in no VPC: set via to invoke`,
      );
    }
  }

  private createFunction(props: BrokerProbeProps, expected: string): CallerFunction {
    const { broker, account, via = 'api', code } = props;
    this.checkReach(broker, via);
    const caller = new CallerFunction(this, 'Function', {
      code: code ?? codeIn(bundles.probe),
      environment: { EXPECTED_OUTCOME: expected },
      failures: 'A schedule calls the probe. The next call replaces a failed one.',
    });
    if (expected === 'token') {
      broker.connect(caller.function, account, { via });
    } else {
      for (const [name, value] of Object.entries(connectionVariables(broker, { account, via }))) {
        caller.function.addEnvironment(name, value);
      }
    }
    return caller;
  }
}

/** CloudWatch takes periods of at most a day, and the alarms look at three calls. */
function checkRate(every: Duration): void {
  const seconds = every.toSeconds();
  if (seconds % 60 !== 0 || seconds < 60 || seconds > 8 * 3600) {
    throw new Error('every: must be whole minutes, from 1 minute to 8 hours');
  }
}

// Creates a probe: a function that asks for a token every 5 minutes, and its alarms. Called by example-stack.ts.
import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import { ExampleFunction } from './example-function.ts';

/** The environment of the probe, and the outcome that it expects. */
export interface ProbeProps {
  /** The expected outcome: `token`, or the error code of a refusal. */
  readonly expected: 'token' | 'forbidden';
  /** Environment variables by name: `BROKER_URL` and `FEGORA_ACCOUNT`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A probe. One alarm fires if the outcome is not the expected one, another if the probe does not run. */
export class Probe extends Construct {
  readonly alias: IAlias;

  constructor(scope: Construct, id: string, { expected, environment }: ProbeProps) {
    super(scope, id);
    this.alias = new ExampleFunction(this, 'Function', {
      handler: 'probe',
      environment: { ...environment, EXPECTED_OUTCOME: expected },
    }).alias;
    new Schedule(this, 'Schedule', {
      schedule: ScheduleExpression.rate(Duration.minutes(5)),
      target: new LambdaInvoke(this.alias, { retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
    });
    this.alias.metricErrors({ period: Duration.minutes(15) }).createAlarm(this, 'Wrong', {
      alarmDescription: `Twice within 15 minutes, the outcome of a probe was not "${expected}". Read the log of the probe.`,
      threshold: 2,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    this.alias.metricInvocations({ period: Duration.minutes(15) }).createAlarm(this, 'Silent', {
      alarmDescription: 'The probe has not run for 15 minutes. Check its schedule.',
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.BREACHING,
    });
  }
}

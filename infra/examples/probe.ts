import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import { ExampleFunction } from './example-function.ts';

/** What is asked, and how it must end. */
export interface ProbeProps {
  /** How asking must end: with `token`, or with the code of a refusal. */
  readonly expected: 'token' | 'forbidden';
  readonly environment: Readonly<Record<string, string>>;
}

/** Asks the broker for a token every 5 minutes, and rings when that ends otherwise than it must, or is not tried. */
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
      alarmDescription: `Asking for a token did not end with "${expected}" twice within 15 minutes.`,
      threshold: 2,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    this.alias.metricInvocations({ period: Duration.minutes(15) }).createAlarm(this, 'Silent', {
      alarmDescription: 'Nothing has asked for a token for 15 minutes.',
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.BREACHING,
    });
  }
}

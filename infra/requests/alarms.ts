// Creates the alarms on requests to Fegora. Called by fegora-requests.ts; fegora-requests.test.ts tests it.
import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { notify } from '../monitoring/notify.ts';
import { requestMetrics, requestNamespace } from './metric-names.ts';

/** The alarms of `FegoraRequests`. */
export interface RequestAlarms {
  /** One request in twenty or more fails, for a reason that its caller cannot correct. */
  readonly requestsFail: Alarm;
  /** A POST or a PATCH may have been processed. */
  readonly outcomeUnknown: Alarm;
  /** Lambda refuses to start the function. */
  readonly throttles: Alarm;
}

/**
 * The share of invocations that failed, or ended without a line: the function crashed, timed out or did not start. A sum of a list
 * takes what has no data as 0.
 */
function failedShare(invocations: IMetric, { failed, ended }: Readonly<Record<'failed' | 'ended', IMetric>>): IMetric {
  return new MathExpression({
    expression: '(invocations + SUM([invocations, failed]) - SUM([invocations, ended])) / invocations',
    usingMetrics: { invocations, failed, ended },
    label: 'Failed requests',
    ...(invocations instanceof Metric && { period: invocations.period }),
  });
}

/** @param fn the function for requests */
export function createRequestAlarms(scope: Construct, fn: LambdaFunction, topic: ITopic | undefined): RequestAlarms {
  const dimensionsMap = { service: fn.functionName };
  const own = (metricName: string, period: Duration, statistic: string) =>
    new Metric({ namespace: requestNamespace, metricName, dimensionsMap, period, statistic });
  const create = (id: string, metric: IMetric, alarmDescription: string, more: { threshold: number; of?: number }) =>
    new Alarm(scope, id, {
      metric,
      alarmDescription: `${alarmDescription} Runbook: docs/operations.md, «Requests to Fegora».`,
      threshold: more.threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: more.of ?? 1,
      datapointsToAlarm: more.of === undefined ? 1 : 3,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
  // As the alarms of the broker: 3 of 5 periods of 3 minutes do not ring for a blip.
  const [short, lasting] = [Duration.minutes(3), 5];
  const alarms = {
    requestsFail: create(
      'RequestsFail',
      failedShare(fn.metricInvocations({ period: short }), {
        failed: own(requestMetrics.failed, short, Stats.SUM),
        ended: own(requestMetrics.failed, short, Stats.SAMPLE_COUNT),
      }),
      'One request to Fegora in twenty or more fails, or its function crashes. Find the outcome in the log of the function.',
      { threshold: 0.05, of: lasting },
    ),
    outcomeUnknown: create(
      'OutcomeUnknown',
      own(requestMetrics.outcomeUnknown, Duration.minutes(5), Stats.SUM),
      'A POST or PATCH was sent to Fegora, and its outcome is not known. Check that its caller has looked it up.',
      { threshold: 1 },
    ),
    throttles: create(
      'Throttles',
      fn.metricThrottles({ period: short }),
      'Lambda refuses to start the function for requests, because a concurrency limit is reached. Raise it.',
      { threshold: 1, of: lasting },
    ),
  };
  notify(Object.values(alarms), topic);
  return alarms;
}

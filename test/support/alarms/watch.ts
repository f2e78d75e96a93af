// Watches a broker as CloudWatch would: takes the lines of its log and calls of its function, says which alarms ring.
import type { Template } from 'aws-cdk-lib/assertions';
import { captureOutput } from '../capture.ts';
import { indexOf, readAlarm, ringsAfter, type Span, type TemplateAlarm } from './alarm.ts';
import { type Datapoint, datapointsOf, metricKey } from './datapoints.ts';

/** The name of the function in the tests, and what its log says of itself. */
export const functionName = 'the-function';

/** Reads the alarms of a template of the stack. */
export function alarmsOf(template: Template): readonly TemplateAlarm[] {
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm'));
  return alarms.map(({ Properties }) => readAlarm(Properties, resolve));
}

/** Names of the function by reference, aliases by their end, and metrics of API Gateway's log by one namespace. */
function resolve(value: unknown): string {
  if (typeof value === 'string') {
    return value.startsWith('FegoraTokenBroker/') ? 'AccessLog' : value;
  }
  const text = JSON.stringify(value);
  const alias = /":(\w+)"/.exec(text)?.[1];
  return alias === undefined ? functionName : `${functionName}:${alias}`;
}

/** Which alarms rang, and after how many minutes. */
export type Rung = Readonly<Record<string, number>>;

/** Collects datapoints until `rung`. */
export function createWatch(alarms: readonly TemplateAlarm[]) {
  const others: Datapoint[] = [];
  const output = captureOutput();
  return {
    /** One value of a metric of AWS. */
    add: (datapoint: Datapoint) => others.push(datapoint),
    /** The lines of the log so far. */
    lines: output.records,
    stop: output.stop,
    rung: (span: Span): Rung => {
      const datapoints = indexOf([...output.records().flatMap(datapointsOf), ...others]);
      const minutes = alarms.map((alarm) => [alarm.name, ringsAfter(alarm, datapoints, span)] as const);
      const rings = minutes.filter((entry): entry is readonly [string, number] => entry[1] !== undefined);
      return Object.fromEntries(rings.sort(([, one], [, other]) => one - other));
    },
  };
}

/** A metric of Lambda, of one alias. */
export function lambdaMetric(name: 'Invocations' | 'Errors' | 'Duration', alias: string): string {
  return metricKey('AWS/Lambda', name, { FunctionName: functionName, Resource: `${functionName}:${alias}` });
}

/** Lambda's count of refused calls. */
export const throttles = metricKey('AWS/Lambda', 'Throttles', { FunctionName: functionName });

/** What the queue of warm-ups gave up. Its name counts as that of the function. */
export const deadLetters = metricKey('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName: functionName });

/** A count in the access log of the API. */
export function gatewayMetric(name: 'DeniedByGateway' | 'GatewayFails'): string {
  return metricKey('AccessLog', name, {});
}

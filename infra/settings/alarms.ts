// Reads the settings of a stage about alarms, dashboard and traces. Called by settings.ts.
import { type AlarmThresholds, alarmNames, isThreshold, thresholdProblem } from '../monitoring/alarm-names.ts';
import { anything, boolean, createReader, type Note, type Reader, textLike } from './reader.ts';

/** ARNs of SNS topics, by severity. */
export interface AlarmTopicArns {
  readonly urgent: string | undefined;
  readonly notice: string | undefined;
}

const topicArn = textLike(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/);

/** Reads the ARN of one topic for all alarms, or an ARN for each severity. Returns undefined if there is none. */
export function readAlarmTopic(value: unknown, note: Note): AlarmTopicArns | undefined {
  if (value === undefined) {
    return;
  }
  const problem = 'must be the ARN of an SNS topic';
  if (typeof value === 'string') {
    const arn = createReader({ alarmTopicArn: value }, '', note).required('alarmTopicArn', topicArn, problem);
    return { urgent: arn, notice: arn };
  }
  const { optional, finish } = createReader(value, 'alarmTopicArn', note);
  const topics = { urgent: optional('urgent', topicArn, problem), notice: optional('notice', topicArn, problem) };
  finish();
  return topics;
}

/** Reads `true`, `false`, or thresholds by the name of an alarm. */
function readAlarms(value: unknown, note: Note): boolean | AlarmThresholds | undefined {
  if (value === undefined || typeof value === 'boolean') {
    return value;
  }
  const reader = createReader(value, 'alarms', note);
  const thresholds = alarmNames.flatMap((name) => {
    const falseOrThreshold = (given: unknown) => (given === false || isThreshold(name, given) ? given : undefined);
    const threshold = reader.optional(name, falseOrThreshold, thresholdProblem(name));
    return threshold === undefined ? [] : [[name, threshold] as const];
  });
  reader.finish();
  return Object.fromEntries(thresholds);
}

/** Reads whether and how the broker is watched. */
export function readMonitoring({ optional }: Reader, note: Note) {
  return {
    alarms: readAlarms(optional('alarms', anything, ''), note),
    dashboard: optional('dashboard', boolean, 'must be true or false'),
    tracing: optional('tracing', boolean, 'must be true or false'),
  };
}

/** One topic for both severities stands in the settings without a severity. */
export function topicsByPath({ urgent, notice }: Partial<AlarmTopicArns> = {}): Record<string, string | undefined> {
  return urgent === notice
    ? { alarmTopicArn: urgent }
    : { 'alarmTopicArn.urgent': urgent, 'alarmTopicArn.notice': notice };
}

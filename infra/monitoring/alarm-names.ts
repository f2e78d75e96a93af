// Names the alarms, and what the props may say about them. Used by monitoring/, prop-faults.ts and settings/.
import type { ITopic } from 'aws-cdk-lib/aws-sns';

/** Each is the heading of a runbook in docs/operations.md. `AccountFails` exists once for each account. */
export const alarmNames = [
  'AccountFails',
  'BudgetHalfUsed',
  'CallsFail',
  'ClientRejected',
  'ClockSkew',
  'Crashes',
  'CredentialsRejected',
  'Denied',
  'GatewayFails',
  'Html500Repeated',
  'LoginsFail',
  'NoWarmUp',
  'OperatorFaults',
  'PausedLong',
  'SecretUnavailable',
  'SecuritySigns',
  'SlowCalls',
  'TableUnavailable',
  'Throttles',
  'WarmUpsLost',
] as const;

/** The name of an alarm. */
export type AlarmName = (typeof alarmNames)[number];

/** Other thresholds than the defaults, by the name of the alarm. `false` leaves the alarm out. */
export type AlarmThresholds = Readonly<Partial<Record<AlarmName, number | false>>>;

/**
 * Whether a threshold can work. That of `CallsFail` is a share: over 1 (5 in place of 0.05), the alarm could never ring.
 */
export function isThreshold(name: string, value: unknown): value is number {
  return typeof value === 'number' && value > 0 && (name !== 'CallsFail' || value <= 1);
}

/** What is wrong with a threshold of this alarm that cannot work. */
export function thresholdProblem(name: string): string {
  return `must be false, or a threshold above 0${name === 'CallsFail' ? ' and at most 1, the share of calls' : ''}`;
}

/** A topic for each severity. Alarms of a severity without a topic only appear in the console and on the dashboard. */
export interface AlarmTopics {
  /** Callers fail, will fail soon, or someone attacks: a person must look at once. */
  readonly urgent?: ITopic | undefined;
  /** A cause, or something that can wait until the day. */
  readonly notice?: ITopic | undefined;
}

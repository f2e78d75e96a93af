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
] as const;

/** The name of an alarm. */
export type AlarmName = (typeof alarmNames)[number];

/** Other thresholds than the defaults, by the name of the alarm. `false` leaves the alarm out. */
export type AlarmThresholds = Readonly<Partial<Record<AlarmName, number | false>>>;

/** A topic for each severity. Alarms of a severity without a topic only appear in the console and on the dashboard. */
export interface AlarmTopics {
  /** Callers fail, will fail soon, or someone attacks: a person must look at once. */
  readonly urgent?: ITopic | undefined;
  /** A cause, or something that can wait until the day. */
  readonly notice?: ITopic | undefined;
}

// When each alarm rings, and how urgent it is. Read by alarms.ts, which adds the metrics, and by scripts/failure-modes.ts.
import type { AlarmName } from './alarm-names.ts';

/** One alarm without its metric. */
export interface AlarmRule {
  readonly severity: 'urgent' | 'notice';
  /** What happened, then what to do. */
  readonly description: string;
  /** The alarm rings if the metric has at least this value; NoWarmUp, if it has less or is missing. */
  readonly threshold: number;
  /** Length of a period. */
  readonly minutes: number;
  /** The alarm rings if this many of this many periods reach the threshold. */
  readonly periods: readonly [reached: number, of: number];
  /** Whether warm-ups must reach it at night, when no one calls: then a period is not shorter than the time between two of them. */
  readonly isWarm?: boolean;
}

/** At the first sign. */
const atOnce = { minutes: 5, periods: [1, 1] } as const;
/**
 * CloudWatch moves its window by a minute at a time, so a blip of two minutes can touch two periods, of any length. Only what
 * lasts for more than 3 minutes touches three.
 */
const lasting = { minutes: 3, periods: [3, 5] } as const;

/** All alarms. The names are the headings of the runbooks. */
export const alarmRules = {
  CallsFail: {
    severity: 'urgent',
    description: 'One call in twenty or more ends without a token. Find out which code, caller and account.',
    threshold: 0.05,
    ...lasting,
  },
  AccountFails: {
    severity: 'urgent',
    description: 'Calls or renewals of this account fail. Find out which code.',
    threshold: 1,
    ...lasting,
    isWarm: true,
  },
  SecuritySigns: {
    severity: 'urgent',
    description: 'A sign of an attack, or of two logins of one user. Find out which one at once.',
    threshold: 1,
    ...atOnce,
  },
  CredentialsRejected: {
    severity: 'urgent',
    description: 'Fegora rejects the credentials of an account. Set the right ones, or ask Fegora to unlock the user.',
    threshold: 1,
    ...atOnce,
  },
  ClientRejected: {
    severity: 'urgent',
    description: 'Fegora rejects the client id. Compare it with the one that Fegora gave you.',
    threshold: 1,
    ...atOnce,
  },
  Html500Repeated: {
    severity: 'urgent',
    description: 'For half an hour, Fegora has answered an account that had worked with HTML 500 only. Ask Fegora.',
    threshold: 1,
    minutes: 10,
    periods: [4, 5],
  },
  OperatorFaults: {
    severity: 'urgent',
    description:
      'Calls or renewals fail for a reason that only the operator can correct. Read the log of the function.',
    threshold: 1,
    ...atOnce,
  },
  GatewayFails: {
    severity: 'urgent',
    description: 'API Gateway answers calls with its own 5xx. Find the error type in the access log.',
    threshold: 1,
    ...lasting,
  },
  Throttles: {
    severity: 'urgent',
    description: 'Lambda refuses calls, because a concurrency limit is reached. Raise it, or find the caller.',
    threshold: 1,
    ...lasting,
  },
  LoginsFail: {
    severity: 'notice',
    description: 'Logins at Fegora keep failing. Check what Fegora answers.',
    threshold: 1,
    ...lasting,
    isWarm: true,
  },
  SecretUnavailable: {
    severity: 'notice',
    description: 'Secrets Manager cannot be reached. Look at AWS Health.',
    threshold: 1,
    ...lasting,
    isWarm: true,
  },
  TableUnavailable: {
    severity: 'notice',
    description: 'The broker cannot use its table or an item of it. Read the log of the function.',
    threshold: 1,
    ...lasting,
    isWarm: true,
  },
  BudgetHalfUsed: {
    severity: 'notice',
    description: 'A Fegora user has used up half of its logins for an hour or a day. Find out who needs them.',
    threshold: 1,
    ...atOnce,
  },
  PausedLong: {
    severity: 'notice',
    description: 'An account has been paused for more than an hour. Resume it when the reason is over.',
    threshold: 1,
    minutes: 10,
    periods: [7, 8],
  },
  ClockSkew: {
    severity: 'notice',
    description: "Fegora's clock and ours have differed by 30 s or more for an hour. Tell Fegora.",
    threshold: 30_000,
    minutes: 60,
    periods: [2, 3],
  },
  Crashes: {
    severity: 'notice',
    description: 'The function crashed or timed out. Read the log of the function.',
    threshold: 1,
    ...atOnce,
  },
  SlowCalls: {
    severity: 'notice',
    description: 'For 15 minutes, one call in a hundred has taken 3 s or more. Check how long logins take.',
    threshold: 3000,
    minutes: 5,
    periods: [3, 3],
  },
  NoWarmUp: {
    severity: 'notice',
    description: 'No warm-up has run for 30 minutes. Check the schedule and its role.',
    threshold: 1,
    minutes: 10,
    periods: [3, 3],
  },
  WarmUpsLost: {
    severity: 'notice',
    description:
      'Messages of the queue of warm-ups became dead letters. Read the log of the function, then purge them.',
    threshold: 1,
    minutes: 5,
    periods: [1, 1],
  },
  Denied: {
    severity: 'notice',
    description: 'Calls of a caller keep being refused. Find the caller in the audit record and the access log.',
    threshold: 3,
    minutes: 5,
    periods: [3, 4],
  },
} as const satisfies Record<AlarmName, AlarmRule>;

/** Minutes from the beginning of a failure that is noticed every minute until its alarm rings. */
export function minutesUntil(name: AlarmName): number {
  const { minutes, periods } = alarmRules[name];
  const [reached] = periods;
  return name === 'NoWarmUp' ? minutes * reached : minutes * (reached - 1) + 1;
}

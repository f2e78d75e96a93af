// The names of the metrics and of their dimensions. Read by telemetry.ts, which writes them, and by infra/monitoring/.

/** CloudWatch namespace of every metric below. */
export const metricNamespace = 'FegoraTokenBroker';

/**
 * Dimensions, as members of the log line. Every metric has `service` (the function's name), some together with one more:
 * the comment of the metric names it. `caller` is another member of the audit record, with the name of the session.
 */
export const metricDimensions = {
  service: 'service',
  account: 'account',
  caller_role: 'caller_role',
  code: 'code',
  outcome: 'outcome',
  grant: 'grant',
} as const;

/**
 * A metric is a count unless its comment names a unit. CloudWatch bills each metric and each set of dimensions for the hours
 * in which it is written. At rest, the function writes only `LoginLatency`.
 */
export const metricNames = {
  /**
   * 1 for a call that ended without a token, 0 for one that got it: the sum is the failed calls, the sample count the calls,
   * the average the share that users feel. By `service`, and by `service` with `caller_role`, `account`, and of failures `code`. A
   * warm-up that fails for an account writes 1 by `account` only. Not written for calls that `Denied` or `Paused` counts.
   */
  failed: 'Failed',
  /** Seconds that an issued token had left. */
  remainingLife: 'RemainingLife',
  /**
   * Milliseconds that a login took; the sample count is the logins. 0 if no connection could be made. In refresh mode also by
   * `grant` (`password` or `refresh_token`), and the next metric too.
   */
  loginLatency: 'LoginLatency',
  /** Logins that brought no token, except `refresh_refused`. Also by `outcome` (`invalid_grant`, `refresh_refused`, `doubt`, `html_500`, `other_user` or a code). */
  loginsFailed: 'LoginsFailed',
  /** Milliseconds between Fegora's clock and ours, without the sign. Only written from 5 s on. */
  clockSkew: 'ClockSkew',
  /** Calls that the broker refused because of the caller: see signals.ts. */
  denied: 'Denied',
  /** Calls and warm-ups of an account that an operator has paused. */
  paused: 'Paused',
  /** What may be an attack, or two logins of one user: see signals.ts. */
  securitySigns: 'SecuritySigns',
  /** Logins, calls and warm-ups that failed because Fegora refuses the password, or refused three of a user. */
  credentialsRejected: 'CredentialsRejected',
  /** Logins, calls and warm-ups that failed because Fegora refuses the client id. */
  clientRejected: 'ClientRejected',
  /** Calls and warm-ups that failed for a reason that only the operator can correct. */
  operatorFaults: 'OperatorFaults',
  secretUnavailable: 'SecretUnavailable',
  tableUnavailable: 'TableUnavailable',
  /** Logins of a user that had used up half of its login budget. */
  budgetHalfUsed: 'BudgetHalfUsed',
  /** Fegora answered with its HTML error page at least three times in a row, to an account that had worked. */
  html500Repeated: 'Html500Repeated',
} as const;

/** The name of a metric. */
export type MetricName = (typeof metricNames)[keyof typeof metricNames];

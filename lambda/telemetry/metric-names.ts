// The names of the metrics and of their dimensions. Read by telemetry.ts, which writes them, and by infra/monitoring/.

/** CloudWatch namespace of every metric below. */
export const metricNamespace = 'FegoraTokenBroker';

/**
 * Dimensions. Every metric exists with `service` only (the function's name). Some also exist with `service` and one
 * more dimension: the comment of the metric names it.
 */
export const metricDimensions = {
  service: 'service',
  source: 'source',
  account: 'account',
  caller: 'caller',
  code: 'code',
  outcome: 'outcome',
} as const;

/** A metric is a count unless its comment names a unit. Alarms and dashboard in infra/ read these names. */
export const metricNames = {
  /** Tokens issued. Also by `source`, `account` and `caller` (the role, or the alias of a direct invocation). */
  served: 'Served',
  /** Seconds that the issued tokens had left. Also by `source`, `account` and `caller`. */
  remainingLife: 'RemainingLife',
  /** Logins sent to Fegora. Also by `outcome` (`issued`, `invalid_grant`, `html_500`, `doubt` or a code). */
  logins: 'Logins',
  /** Milliseconds that a login took. Also by `outcome`. */
  loginLatency: 'LoginLatency',
  /** Invocations, and warm-ups of an account, that failed. Also by `code` and `caller`. */
  errors: 'Errors',
  /** Invocations refused with `forbidden`, `unknown_account` or `invalid_account`. */
  denied: 'Denied',
  /** Logins and invocations that failed because Fegora refuses the version of the secret, or refused three of a user. */
  credentialsRejected: 'CredentialsRejected',
  /** Logins and invocations that failed because Fegora refuses the client id. */
  clientRejected: 'ClientRejected',
  /** Invocations that got the error of an earlier login, because its back-off has not ended. */
  retryHeld: 'RetryHeld',
  tableUnavailable: 'TableUnavailable',
  /** Milliseconds between Fegora's clock and ours, without the sign. */
  clockSkew: 'ClockSkew',
  html500Repeated: 'Html500Repeated',
  guardExpired: 'GuardExpired',
  clockUnsteady: 'ClockUnsteady',
  malformedItems: 'MalformedItems',
  publishRefused: 'PublishRefused',
  markUnwritten: 'MarkUnwritten',
  /** Logins and invocations that failed because another account is bound to the Fegora user. */
  duplicateUser: 'DuplicateUser',
  /** An account took a Fegora user over from an account that is not configured any more. */
  userTakenOver: 'UserTakenOver',
  /** Logins of a user that had used up half of its login budget. */
  budgetHalfUsed: 'BudgetHalfUsed',
  /** Scheduled warm-ups that ran. */
  warmUps: 'WarmUps',
} as const;

// The names of the metrics and of their dimensions. Read by telemetry.ts, which writes them, and by infra/monitoring/.

/** CloudWatch namespace of every metric below. */
export const metricNamespace = 'FegoraTokenBroker';

/**
 * Dimensions. Every metric exists with `service` alone (the function's name); some exist also with `service` and one
 * more, as said beside them.
 */
export const metricDimensions = {
  service: 'service',
  source: 'source',
  account: 'account',
  caller: 'caller',
  code: 'code',
  outcome: 'outcome',
} as const;

/** Counts, where nothing else is said. Alarms and dashboard read them: a contract with infra. */
export const metricNames = {
  /** Tokens handed out; also by `source`, by `account` and by `caller` (the role, or the alias of a direct call). */
  served: 'Served',
  /** Seconds that the tokens handed out had left; by the same. */
  remainingLife: 'RemainingLife',
  /** Logins sent to Fegora; also by `outcome` (`issued`, `invalid_grant`, `html_500`, `unknown_400` or a code). */
  logins: 'Logins',
  /** Milliseconds a login took; by the same. */
  loginLatency: 'LoginLatency',
  /** Calls and warm-ups that failed; also by `code` and by `caller`. */
  errors: 'Errors',
  /** Calls refused for what they asked: `forbidden`, `unknown_account`, `invalid_account`. */
  denied: 'Denied',
  /** Logins and calls that ended so because Fegora refuses the secret's version. */
  credentialsRejected: 'CredentialsRejected',
  /** Logins and calls that ended so because Fegora refuses the client id. */
  clientRejected: 'ClientRejected',
  /** Calls answered by an earlier failure that is still waited out. */
  retryHeld: 'RetryHeld',
  tableUnavailable: 'TableUnavailable',
  /** Milliseconds between Fegora's clock and ours, without sign. */
  clockSkew: 'ClockSkew',
  html500Repeated: 'Html500Repeated',
  guardExpired: 'GuardExpired',
  clockUnsteady: 'ClockUnsteady',
  malformedItems: 'MalformedItems',
  publishRefused: 'PublishRefused',
  markUnwritten: 'MarkUnwritten',
  /** Scheduled warm-ups that ran. */
  warmUps: 'WarmUps',
} as const;

// Names the alarms of a broker, for its props. Used by alarms.ts, prop-faults.ts and settings/.

/** The names of all alarms. Each is the heading of a runbook in docs/operations.md. */
export const alarmNames = [
  'BudgetHalfUsed',
  'ClientRejected',
  'ClockSkew',
  'Crashes',
  'CredentialsRejected',
  'DeniedByBroker',
  'DeniedByGateway',
  'DuplicateUser',
  'Errors',
  'GatewayFails',
  'Html500Repeated',
  'LoginsFail',
  'NoWarmUp',
  'RetryHeld',
  'SlowCalls',
  'TableUnavailable',
  'Throttles',
] as const;

/** The name of an alarm, which is the heading of its runbook in docs/operations.md. */
export type AlarmName = (typeof alarmNames)[number];

/** Other thresholds than the defaults, by the name of the alarm. `false` leaves the alarm out. */
export type AlarmThresholds = Readonly<Partial<Record<AlarmName, number | false>>>;

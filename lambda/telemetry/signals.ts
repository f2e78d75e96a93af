// Says which metric a code, an incident or the answer to a login is counted in. Read by telemetry.ts.
import type { Incident } from '../broker/ports.ts';
import type { ErrorCode } from '../errors.ts';
import { type MetricName, metricNames } from './metric-names.ts';

/** The metric of a code, besides `Failed`. A code that is new does not compile until it has a line here. */
export const codeMetrics = {
  invalid_request: metricNames.denied,
  invalid_account: metricNames.denied,
  forbidden: metricNames.denied,
  unknown_account: metricNames.denied,
  // Only for ids that perhaps no account has.
  throttled: metricNames.denied,
  paused: metricNames.paused,
  internal: metricNames.operatorFaults,
  configuration: metricNames.operatorFaults,
  secret_malformed: metricNames.operatorFaults,
  secret_missing: metricNames.operatorFaults,
  credentials_missing: metricNames.operatorFaults,
  credentials_rejected: metricNames.credentialsRejected,
  too_many_refusals: metricNames.credentialsRejected,
  client_rejected: metricNames.clientRejected,
  duplicate_user: metricNames.securitySigns,
  upstream_tls: metricNames.securitySigns,
  upstream_redirect: metricNames.securitySigns,
  secret_unavailable: metricNames.secretUnavailable,
  // The broker observes it as an incident too, also if the call is served from memory.
  table_unavailable: undefined,
  too_many_rejections: undefined,
  upstream_contract: undefined,
  upstream_rejected: undefined,
  upstream_invalid_response: undefined,
  upstream_unavailable: undefined,
  upstream_timeout: undefined,
  upstream_throttled: undefined,
  renewal_in_progress: undefined,
  login_budget: undefined,
  deadline: undefined,
} as const satisfies Record<ErrorCode, MetricName | undefined>;

/** The metric of an incident. The others only write a line into the log. */
export const incidentMetrics = {
  token_malformed: metricNames.securitySigns,
  mark_unwritten: metricNames.securitySigns,
  table_unavailable: metricNames.tableUnavailable,
  budget_half_used: metricNames.budgetHalfUsed,
  html_500_repeated: metricNames.html500Repeated,
  guard_expired: undefined,
  clock_unsteady: undefined,
  item_malformed: undefined,
  publish_refused: undefined,
  user_taken_over: undefined,
} as const satisfies Record<Incident, MetricName | undefined>;

/** The metric of the answer to a login, if that has no code of its own. */
export const answerMetrics: Readonly<Record<string, MetricName>> = { other_user: metricNames.securitySigns };

/** Codes that say nothing about the account: the caller has used up the renewals that it may force. */
export const callersOwn: ReadonlySet<ErrorCode> = new Set(['too_many_rejections']);

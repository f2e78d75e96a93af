// Names the runbook of each failure. Read by account-state.ts and ../doctor/.
import type { ErrorCode } from '../../lambda/errors.ts';

/**
 * Headings of docs/operations.md, as links spell them, by code or incident. A new code does not compile until it has a line
 * here, and a test compares the lines with the table of failures.
 */
export const runbooks = {
  invalid_request: 'denied',
  invalid_account: 'denied',
  forbidden: 'denied',
  unknown_account: 'denied',
  throttled: 'denied',
  too_many_rejections: 'callsfail',
  renewal_in_progress: 'callsfail',
  deadline: 'callsfail',
  internal: 'operatorfaults',
  configuration: 'operatorfaults',
  secret_malformed: 'operatorfaults',
  secret_missing: 'operatorfaults',
  credentials_missing: 'operatorfaults',
  duplicate_user: 'securitysigns',
  upstream_redirect: 'securitysigns',
  upstream_tls: 'securitysigns',
  credentials_rejected: 'credentialsrejected',
  too_many_refusals: 'credentialsrejected',
  client_rejected: 'clientrejected',
  upstream_contract: 'loginsfail',
  upstream_rejected: 'loginsfail',
  upstream_invalid_response: 'loginsfail',
  upstream_unavailable: 'loginsfail',
  upstream_timeout: 'loginsfail',
  upstream_throttled: 'loginsfail',
  secret_unavailable: 'secretunavailable',
  table_unavailable: 'tableunavailable',
  login_budget: 'budgethalfused',
  paused: 'pausedlong',
  item_malformed: 'an-item-that-the-broker-cannot-use',
} as const satisfies Record<ErrorCode | 'item_malformed', string>;

const byFailure: ReadonlyMap<unknown, string> = new Map(Object.entries(runbooks));

/** Returns where to read on, as `{"runbook": "docs/operations.md#denied"}`. Empty for anything that is not in the table. */
export function runbookOf(failure: unknown): { readonly runbook?: string } {
  const anchor = byFailure.get(failure);
  return anchor === undefined ? {} : { runbook: `docs/operations.md#${anchor}` };
}

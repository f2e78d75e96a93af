// What is written of a refresh token after it went out. Pure; called by leased-login.ts.
import type { Item } from '../item.ts';
import type { Claim, Failure } from '../ports.ts';
import { cappedRetryAfterMs } from './backoff.ts';
import type { FailedLogin, IssuedLogin } from './login-outcome.ts';

/** What of an order matters here: the item as it was claimed, and the refresh token that went out, if one did. */
interface Renewal {
  readonly item: Pick<Item, 'refresh' | 'generation' | 'logins' | 'failures'>;
  readonly refreshToken?: string;
}

/** Fegora does not take the refresh token, does not know the grant, or not for this client. */
const refreshRefusals: ReadonlySet<FailedLogin['answer']> = new Set([
  'invalid_grant',
  'client_rejected',
  'upstream_contract',
]);

/** Whether Fegora answered in full that it does not take a refresh token. That says nothing of the password. */
export function isRefusedRefresh({ refreshToken }: Renewal, { reached, answer }: FailedLogin): boolean {
  return refreshToken !== undefined && reached === 'answered' && refreshRefusals.has(answer);
}

/**
 * The end of such a claim. The password may be sent at once, unless Fegora asked for time.
 *
 * @param ended the failure, and when it came (epoch milliseconds)
 */
export function refusedRefreshOf(
  { item }: Renewal,
  { owner, sends }: Pick<Claim, 'owner' | 'sends'>,
  { failed, at }: { readonly failed: FailedLogin; readonly at: number },
): Failure {
  const { retryAfterMs } = failed;
  const code = 'upstream_throttled';
  const wait = retryAfterMs !== undefined && {
    backoff: { retryAt: at + cappedRetryAfterMs(retryAfterMs), code, answer: code, failures: item.failures } as const,
  };
  return { kind: 'fail', owner, endLease: true, sends, logins: item.logins, ...wait };
}

/** The next refresh token, for the generation that the item has after the publication; or that there is none any more. */
export function refreshAfter({ item }: Renewal, { refreshToken: token }: IssuedLogin, isOtherUser: boolean) {
  if (token !== undefined) {
    return { refresh: { token, generation: item.generation + (isOtherUser ? 1 : 0) } };
  }
  return item.refresh !== undefined && { refresh: 'none' as const };
}

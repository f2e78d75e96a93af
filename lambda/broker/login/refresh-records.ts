// What is written of a refresh token after it went out. Pure; called by leased-login.ts.
import type { Item } from '../item.ts';
import type { FailedLogin, IssuedLogin } from './login-outcome.ts';

/** What of an order matters here: the item as it was claimed, and the refresh token that went out, if one did. */
interface Renewal {
  readonly item: Pick<Item, 'refresh' | 'generation'>;
  readonly refreshToken?: string;
}

/**
 * Whether Fegora answered in full that it does not take the refresh token, does not know the grant, or not for this client.
 * That says nothing of the password.
 */
export function isRefusedRefresh({ refreshToken }: Renewal, { reached, answer }: FailedLogin): boolean {
  const isRefusal = /^(?:invalid_grant|client_rejected|upstream_contract)$/.test(answer);
  return refreshToken !== undefined && reached === 'answered' && isRefusal;
}

/** The next refresh token, for the generation that the item has after the publication; or that there is none any more. */
export function refreshAfter({ item }: Renewal, { refreshToken: token }: IssuedLogin, isOtherUser: boolean) {
  if (token !== undefined) {
    return { refresh: { token, generation: item.generation + (isOtherUser ? 1 : 0) } };
  }
  return item.refresh !== undefined && { refresh: 'none' as const };
}

// The form of a refresh grant. Called by password-grant.ts, which sends it over the same kind of connection.
import type { Credentials } from '../broker/ports.ts';

/**
 * The form that asks for a new token without the password. Fegora accepts a refresh token once, and answers with the next.
 *
 * @see RFC 6749 section 6; Fegora's API reference, «Re-Emitir Token»
 */
export function refreshGrant({ clientId }: Pick<Credentials, 'clientId'>, refreshToken: string): string {
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId };
  return new URLSearchParams(form).toString();
}

/**
 * The refresh token of an answer, if the request for the next token can hold it: an unusable one is left out, because the
 * password can still renew the token.
 */
export function usableRefreshToken(value: unknown): { readonly refreshToken?: string } {
  return typeof value === 'string' && /^[\x21-\x7e]{1,4096}$/.test(value) ? { refreshToken: value } : {};
}

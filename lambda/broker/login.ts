import type { Guard, Moment } from './login-guard.ts';
import type { Credentials, LoginOutcome, Ports } from './ports.ts';
import { fingerprint, type Token } from './token.ts';

/** A login that brought no token. */
export type FailedLogin = Extract<LoginOutcome, { kind: 'failed' }>;

/** A login that went out, or tried to. */
export type Sent = { readonly kind: 'issued'; readonly token: Token; readonly sent: Moment } | FailedLogin;

/**
 * One login under a guard, with its result told to the metrics. The token's life counts from just before the first byte.
 *
 * @throws GuardExpired, before anything is sent
 */
export function createSendLogin({ clock, login, observe }: Ports) {
  return async (account: string, credentials: Credentials, guard: Guard): Promise<Sent> => {
    const outcome = await login(credentials, guard);
    const sent = guard.sent() ?? guard.armed;
    const ms = clock.monotonic() - sent.monotonic;
    if (outcome.kind === 'failed') {
      observe({ kind: 'login', account, outcome: outcome.answer, ms });
      return outcome;
    }
    observe({ kind: 'login', account, outcome: 'issued', ms });
    if (outcome.skewMs !== undefined) {
      observe({ kind: 'clock_skew', account, ms: outcome.skewMs });
    }
    return { kind: 'issued', token: tokenFrom(outcome, credentials, sent), sent };
  };
}

function tokenFrom(
  { accessToken, lifetimeMs }: Extract<LoginOutcome, { kind: 'issued' }>,
  { versionId }: Credentials,
  sent: Moment,
): Token {
  return { accessToken, fingerprint: fingerprint(accessToken), issuedAt: sent.wall, lifetimeMs, versionId };
}

// Claims the lease, sends at most one login, and writes its result. Called by refresh-loop.ts.
import type { BrokerError } from '../errors.ts';
import type { Moment } from './clock.ts';
import { claimOf, errorUntil, failureOf, type LoginOrder, rejectionOf, withdrawalOf } from './lease-records.ts';
import type { LocalState } from './local-state.ts';
import { armGuard, type Guard } from './login-guard.ts';
import type { AccountPorts, Change, Claim, FailedLogin, IssuedLogin, LoginOutcome } from './ports.ts';
import type { RefreshResult } from './refresh.ts';
import { withTimeLimit } from './time-limit.ts';
import { fingerprint } from './token.ts';

/** How one claim and the login it bought ended. */
export type LeasedLoginEnd =
  /** Another environment was faster, or our claim cannot be proved: nothing was sent. */
  | { readonly kind: 'lost' }
  /** Too much time went by before the first byte: nothing was sent. */
  | { readonly kind: 'withheld' }
  | { readonly kind: 'issued'; readonly result: RefreshResult }
  /** Fegora refused these credentials, and their rejection is written or kept. */
  | { readonly kind: 'rejected' }
  | { readonly kind: 'failed'; readonly error: BrokerError };

/** How long the result of a login may take to be written. Milliseconds. */
const settleMs = 2000;

type Written = 'written' | 'refused' | 'unwritten';

/** The result is written before the returned promise settles. That rejects with what the table throws at the claim. */
export function createLeasedLogin(ports: AccountPorts, state: LocalState) {
  const { clock, login, table, random, observe } = ports;

  return async (order: LoginOrder): Promise<LeasedLoginEnd> => {
    const guard = armGuard(clock, order);
    try {
      const claim = claimOf(order, guard.armed.wall);
      return (await table.claim(order.item, claim, guard.signal))
        ? await sendAndSettle(order, claim, guard)
        : { kind: 'lost' };
    } finally {
      guard.disarm();
    }
  };

  async function sendAndSettle(order: LoginOrder, claim: Claim, guard: Guard): Promise<LeasedLoginEnd> {
    const connection = await login(guard.signal);
    const outcome: LoginOutcome =
      connection.kind === 'connected' ? await connection.send(order.credentials, guard) : connection;
    const sent = guard.sent() ?? guard.armed;
    observeLogin(outcome, clock.monotonic() - sent.monotonic);
    switch (outcome.kind) {
      case 'issued':
        return { kind: 'issued', result: await publish(order, claim, { outcome, sent, at: guard.now() }) };
      case 'failed':
        return await settleFailure(order, claim, { failed: outcome, now: guard.now });
      case 'withheld':
        observe({ kind: 'guard_expired' });
        await settle(withdrawalOf(order, claim));
        return { kind: 'withheld' };
    }
  }

  function observeLogin(outcome: LoginOutcome, ms: number): void {
    if (outcome.kind === 'withheld') {
      return;
    }
    observe({ kind: 'login', outcome: outcome.kind === 'issued' ? 'issued' : outcome.answer, ms });
    if (outcome.kind === 'failed') {
      observe({ kind: 'failed', code: outcome.error.code });
    } else if (outcome.skewMs !== undefined) {
      observe({ kind: 'clock_skew', ms: outcome.skewMs });
    }
  }

  /** The token's life counts from just before the first byte. */
  async function publish(
    { credentials, key }: LoginOrder,
    { owner }: Claim,
    { outcome, sent, at }: { readonly outcome: IssuedLogin; readonly sent: Moment; readonly at: number },
  ): Promise<RefreshResult> {
    const { accessToken, lifetimeMs } = outcome;
    const { versionId } = credentials;
    const token = { accessToken, fingerprint: fingerprint(accessToken), issuedAt: sent.wall, lifetimeMs, versionId };
    const isRefused = (await settle({ kind: 'publish', owner, token, key, at })) === 'refused';
    if (isRefused) {
      observe({ kind: 'publish_refused' });
    }
    return { token, seen: sent, source: 'upstream', isShared: !isRefused };
  }

  async function settleFailure(
    order: LoginOrder,
    claim: Claim,
    { failed, now }: { readonly failed: FailedLogin; readonly now: Guard['now'] },
  ): Promise<LeasedLoginEnd> {
    const at = now();
    if (failed.answer === 'invalid_grant') {
      await reject(order, claim, at);
      return { kind: 'rejected' };
    }
    const { failure, retryAt, isBroken } = failureOf(order, claim, { failed, at, random: random() });
    if (isBroken) {
      observe({ kind: 'html_500_repeated' });
    }
    await settle(failure);
    return { kind: 'failed', error: errorUntil(failed.error, retryAt - now()) };
  }

  /** Writes the rejection first: even if the lease cannot be ended after that, no environment tries this version again. */
  async function reject(order: LoginOrder, { owner }: Claim, at: number): Promise<void> {
    const rejection = rejectionOf(order, at);
    await withTimeLimit(clock, settleMs, async (limit) => {
      if ((await write(rejection, limit)) === 'written') {
        const error = { code: 'credentials_rejected', at } as const;
        await write({ kind: 'fail', owner, endLease: true, error }, limit);
      } else {
        observe({ kind: 'mark_unwritten' });
        state.unwrittenRejections.set(order.key, rejection);
      }
    });
    // The secret may have changed since it was cached: ask at once.
    state.secretAskedAt = Number.NEGATIVE_INFINITY;
  }

  function settle(change: Change): Promise<Written> {
    return withTimeLimit(clock, settleMs, (limit) => write(change, limit));
  }

  /** Writes, trying again until the limit. */
  async function write(change: Change, limit: AbortSignal): Promise<Written> {
    while (!limit.aborted) {
      const isWritten = await table.write(change, limit).catch(() => undefined);
      if (isWritten !== undefined) {
        return isWritten ? 'written' : 'refused';
      }
      await clock.sleep(100 * (1 + random()), limit);
    }
    observe({ kind: 'table_unavailable' });
    return 'unwritten';
  }
}

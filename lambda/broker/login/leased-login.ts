// Claims the lease, sends at most one login, and writes its result. Called by login-turn.ts.
import type { BrokerError } from '../../errors.ts';
import type { Moment } from '../clock.ts';
import { leaseMs } from '../item.ts';
import type { LocalState } from '../local-state.ts';
import type { AccountPorts, Change, Claim, Failure, LoginConnection } from '../ports.ts';
import type { RefreshResult } from '../refresh.ts';
import { withTimeLimit } from '../time-limit.ts';
import { fingerprint } from '../token.ts';
import {
  claimOf,
  errorUntil,
  failureOf,
  isRejection,
  type LoginOrder,
  refusalOf,
  rejectionOf,
  sendsAfterSuccess,
  withdrawalOf,
  withUnheardSends,
} from './lease-records.ts';
import { armGuard, type Guard, loginDeadlineMs } from './login-guard.ts';
import type { FailedLogin, IssuedLogin, LoginOutcome } from './login-outcome.ts';

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
/** How often a patient login makes its lease last longer, and how long it may go on after that. Milliseconds. */
const extendEveryMs = 4000;
const extendedMs = 8000;

/** How long the lease outlasts the login, because Fegora may work on it after we hang up. Milliseconds. */
const lingerMs = leaseMs - loginDeadlineMs;

type Written = 'written' | 'refused' | 'unwritten';

/** A claim that was granted. Its lease may have been made to last longer since. */
interface Lease {
  readonly order: LoginOrder;
  readonly claim: Claim;
  readonly guard: Guard;
  until: number;
}

/** The result is written before the returned promise settles. That rejects with what the table throws at the claim. */
export function createLeasedLogin(ports: AccountPorts, state: LocalState) {
  const { clock, table, random, observe } = ports;

  return async (order: LoginOrder, connection: LoginConnection): Promise<LeasedLoginEnd> => {
    const guard = armGuard(clock, order);
    try {
      const claim = claimOf(order, guard.armed.wall);
      return (await table.claim(order.item, claim, guard.signal))
        ? await sendAndSettle({ order, claim, guard, until: claim.leaseUntil }, connection)
        : { kind: 'lost' };
    } finally {
      guard.disarm();
    }
  };

  async function sendAndSettle(lease: Lease, connection: LoginConnection): Promise<LeasedLoginEnd> {
    const { order, claim, guard } = lease;
    const listening = listen(lease);
    const outcome = await connection.send(order.credentials, guard);
    await listening.stop();
    const sent = guard.sent() ?? guard.armed;
    const ms = clock.monotonic() - sent.monotonic;
    observeLogin(outcome, ms);
    const isSlow = ms > loginDeadlineMs;
    switch (outcome.kind) {
      case 'issued':
        return { kind: 'issued', result: await publish(lease, outcome, { sent, isSlow }) };
      case 'failed':
        return await settleFailure(lease, outcome, isSlow);
      case 'withheld':
        observe({ kind: 'guard_expired' });
        await settle(withdrawalOf(order, claim));
        return { kind: 'withheld' };
    }
  }

  /** Makes the lease of a patient login last longer, until told to stop. Gives the login up if the lease is lost. */
  function listen(lease: Lease): { readonly stop: () => Promise<void> } {
    const stopped = new AbortController();
    const done = lease.order.patientMs === undefined ? Promise.resolve() : extendUntil(stopped.signal, lease);
    return {
      stop: () => {
        stopped.abort();
        return done;
      },
    };
  }

  async function extendUntil(stopped: AbortSignal, lease: Lease): Promise<void> {
    const { guard, claim, order } = lease;
    const { patientMs: longestMs = 0 } = order;
    for (await clock.sleep(extendEveryMs, stopped); !stopped.aborted; await clock.sleep(extendEveryMs, stopped)) {
      const leaseUntil = Math.min(guard.now() + leaseMs, guard.armed.wall + longestMs + lingerMs);
      const isOurs = await table
        .write({ kind: 'extend', owner: claim.owner, leaseUntil }, guard.signal)
        .catch(() => undefined);
      if (isOurs === false) {
        guard.cut();
        return;
      }
      if (isOurs) {
        lease.until = leaseUntil;
        guard.extend(extendedMs);
      }
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
    { order, claim, guard }: Lease,
    outcome: IssuedLogin,
    { sent, isSlow }: { readonly sent: Moment; readonly isSlow: boolean },
  ): Promise<RefreshResult> {
    const { accessToken, lifetimeMs } = outcome;
    const { versionId } = order.credentials;
    const token = { accessToken, fingerprint: fingerprint(accessToken), issuedAt: sent.wall, lifetimeMs, versionId };
    const at = guard.now();
    const sends = sendsAfterSuccess(order, at);
    const written = await settle({ kind: 'publish', owner: claim.owner, token, key: order.key, at, sends, isSlow });
    if (written === 'refused') {
      observe({ kind: 'publish_refused' });
    }
    const generation = order.item.generation + (order.newUser?.isChange === true ? 1 : 0);
    return { token, generation, seen: sent, source: 'upstream', isShared: written !== 'refused' };
  }

  async function settleFailure(lease: Lease, failed: FailedLogin, isSlow: boolean): Promise<LeasedLoginEnd> {
    const { order, guard } = lease;
    const claim = withUnheardSends(order, { ...lease.claim, leaseUntil: lease.until });
    const at = guard.now();
    const { failure, retryAt, isBroken } = failureOf(order, claim, { failed, at, random: random(), isSlow });
    if (failed.answer === 'invalid_grant') {
      await reject(order, claim, refusalOf(order, claim, { at, isSlow }));
      return { kind: 'rejected' };
    }
    if (isBroken) {
      observe({ kind: 'html_500_repeated' });
    }
    await (isRejection(order, claim, failed) ? reject(order, claim, failure) : settle(failure));
    return { kind: 'failed', error: errorUntil(failed.error, retryAt - guard.now()) };
  }

  /** Writes the rejection first: even if the lease cannot be ended after that, no environment tries this version again. */
  async function reject(order: LoginOrder, claim: Claim, end: Failure): Promise<void> {
    const rejection = rejectionOf(order, claim, end.error?.at ?? claim.now);
    await withTimeLimit(clock, settleMs, async (limit) => {
      if ((await write(rejection, limit)) === 'written') {
        await write(end, limit);
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

// Claims the lease, sends at most one login, and writes its result. Called by login-turn.ts.
import type { BrokerError } from '../../errors.ts';
import type { Moment } from '../clock.ts';
import type { LocalState } from '../local-state.ts';
import type { AccountPorts, LoginConnection, SendOptions } from '../ports.ts';
import type { RefreshResult } from '../refresh.ts';
import { fingerprint, type Token } from '../token.ts';
import { type Lease, whileExtending } from './lease-extension.ts';
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
import { armGuard, loginDeadlineMs } from './login-guard.ts';
import type { FailedLogin, IssuedLogin, LoginOutcome } from './login-outcome.ts';
import { isRefusedRefresh, refreshAfter } from './refresh-records.ts';
import { createSettlement } from './settlement.ts';

/** How one claim and the login it bought ended. */
export type LeasedLoginEnd =
  /** Another environment was faster, our claim cannot be proved, or the table was throttled: nothing was sent. */
  | { readonly kind: 'lost'; readonly isCrowded: boolean }
  /** Too much time went by before the first byte: nothing was sent. */
  | { readonly kind: 'withheld' }
  | { readonly kind: 'issued'; readonly result: RefreshResult }
  /** Fegora refused these credentials, and their rejection is written or kept; or it refused the refresh token. */
  | { readonly kind: 'rejected' }
  | { readonly kind: 'failed'; readonly error: BrokerError };

/** The lease under which one order is carried out. */
interface OrderLease extends Lease {
  readonly order: LoginOrder;
}

/** The result is written before the returned promise settles. That rejects with what the table throws at the claim. */
export function createLeasedLogin(ports: AccountPorts, state: LocalState) {
  const { clock, table, random, observe } = ports;
  const { settle, reject } = createSettlement(ports, state);

  return async (order: LoginOrder, connection: LoginConnection): Promise<LeasedLoginEnd> => {
    const guard = armGuard(clock, order);
    try {
      const claim = claimOf(order, guard.armed.wall);
      const lease = { order, claim, guard, patientMs: order.patientMs, until: claim.leaseUntil };
      const isOurs = await table.claim(order.item, claim, guard.signal);
      return isOurs ? await sendAndSettle(lease, connection) : { kind: 'lost', isCrowded: isOurs === undefined };
    } finally {
      guard.disarm();
    }
  };

  async function sendAndSettle(lease: OrderLease, connection: LoginConnection): Promise<LeasedLoginEnd> {
    const { order, claim, guard } = lease;
    const outcome = await whileExtending(ports, lease, () => connection.send(order.credentials, sendOptions(lease)));
    const sent = guard.sent() ?? guard.armed;
    const ms = clock.monotonic() - sent.monotonic;
    observeLogin(ports, order, { outcome, ms });
    const isSlow = ms > loginDeadlineMs;
    switch (outcome.kind) {
      case 'issued':
        return { kind: 'issued', result: await publish(lease, outcome, { sent, ms, isSlow }) };
      case 'failed':
        return await settleFailure(lease, outcome, isSlow);
      case 'withheld':
        observe({ kind: 'guard_expired' });
        await settle(withdrawalOf(order, claim));
        return { kind: 'withheld' };
    }
  }

  /** The token's life counts from just before the first byte. */
  async function publish(lease: OrderLease, outcome: IssuedLogin, sending: Sent) {
    const change = publicationOf(lease, outcome, sending);
    const isShared = (await settle(change)) !== 'refused';
    if (!isShared) {
      observe({ kind: 'publish_refused' });
    }
    const generation = lease.order.item.generation + (change.isOtherUser ? 1 : 0);
    return { token: change.token, generation, seen: sending.sent, source: 'upstream', isShared } as const;
  }

  async function settleFailure(lease: OrderLease, failed: FailedLogin, isSlow: boolean): Promise<LeasedLoginEnd> {
    const { order, guard } = lease;
    const claim = withUnheardSends(order, { ...lease.claim, leaseUntil: lease.until });
    const at = guard.now();
    const { failure, retryAt, isBroken } = failureOf(order, claim, { failed, at, random: random(), isSlow });
    if (failed.answer === 'invalid_grant' || isRefusedRefresh(order, failed)) {
      const end = refusalOf(order, claim, { failed, at, isSlow });
      await (order.refreshToken === undefined ? reject(rejectionOf(order, claim, at), end) : settle(end));
      return { kind: 'rejected' };
    }
    // An account that never worked is not broken by two overlapping logins.
    if (isBroken && order.item.lastGood !== undefined) {
      observe({ kind: 'html_500_repeated' });
    }
    await (isRejection(order, claim, failed) ? reject(rejectionOf(order, claim, at), failure) : settle(failure));
    return { kind: 'failed', error: errorUntil(failed.error, retryAt - guard.now()) };
  }
}

function sendOptions({ guard, order: { refreshToken } }: OrderLease): SendOptions {
  return { ...guard, ...(refreshToken !== undefined && { refreshToken }) };
}

/** When a login was sent, how long its answer took, and whether that is longer than a login usually waits. */
interface Sent {
  readonly sent: Moment;
  readonly ms: number;
  readonly isSlow: boolean;
}

function publicationOf({ order, claim, guard }: OrderLease, outcome: IssuedLogin, { sent, ms, isSlow }: Sent) {
  const token = issuedToken(order, outcome, sent);
  const at = guard.now();
  const sends = sendsAfterSuccess(order, at);
  const loginMs = Math.round(ms);
  const change = { kind: 'publish', owner: claim.owner, token, at, sends, isSlow, loginMs } as const;
  const user = userOf(order);
  const key = order.refreshToken === undefined && { key: order.key };
  const use = order.use !== undefined && { use: order.use };
  return { ...change, ...key, ...user, ...use, ...refreshAfter(order, outcome, user.isOtherUser) };
}

/** The user that this login is for, and whether the token before was another's. */
function userOf({ item, newUser }: LoginOrder) {
  const tokenUser = newUser ?? item.userKey;
  const before = item.tokenUser ?? item.userKey;
  const isOtherUser = before !== undefined && before !== tokenUser;
  return { isOtherUser, ...(tokenUser !== undefined && { tokenUser }) };
}

function issuedToken({ credentials }: LoginOrder, { accessToken, lifetimeMs }: IssuedLogin, sent: Moment): Token {
  const { versionId } = credentials;
  return { accessToken, fingerprint: fingerprint(accessToken), issuedAt: sent.wall, lifetimeMs, versionId };
}

/** A refused refresh says nothing of the account: the password follows. */
function observeLogin(
  { observe, renewWith }: Pick<AccountPorts, 'observe' | 'renewWith'>,
  order: LoginOrder,
  { outcome, ms }: { readonly outcome: LoginOutcome; readonly ms: number },
): void {
  if (outcome.kind === 'withheld') {
    return;
  }
  const grant = order.refreshToken === undefined ? 'password' : 'refresh_token';
  const isRefused = outcome.kind === 'failed' && isRefusedRefresh(order, outcome);
  const answer = outcome.kind === 'issued' ? 'issued' : outcome.answer;
  const named = isRefused ? 'refresh_refused' : answer;
  observe({ kind: 'login', outcome: named, ms, ...(renewWith === 'refresh_token' && { grant }) });
  if (outcome.kind === 'failed' && !isRefused) {
    observe({ kind: 'failed', code: outcome.error.code });
  } else if (outcome.kind === 'issued' && outcome.skewMs !== undefined) {
    observe({ kind: 'clock_skew', ms: outcome.skewMs });
  }
}

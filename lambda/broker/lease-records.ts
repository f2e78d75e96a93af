// What a leased login writes into the item: the claim, the failure, the rejection. Pure; called by leased-login.ts.
import { randomUUID } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import { backoffMs, isAccountBroken } from './backoff.ts';
import { clockToleranceMs } from './clock.ts';
import type { SelectedCredentials } from './credential-selection.ts';
import { type ForcedRenewals, hasExpiredToken, type Item, leaseMs } from './item.ts';
import type { Claim, FailedLogin, Failure, Rejection } from './ports.ts';

/** One login that the protocol allows. */
export interface LoginOrder extends SelectedCredentials {
  readonly item: Item;
  readonly forced: ForcedRenewals | undefined;
  /** Whether the caller can be served whatever becomes of this login. If it fails, the next one can wait. */
  readonly isBackground: boolean;
  /** How long claim and login together may take. Milliseconds. */
  readonly deadlineMs: number;
  /** How long the login may take from its first byte on. Milliseconds. @default the deadline only */
  readonly cutAfterSendMs?: number;
}

/** How long after a failed renewal ahead of need the next one comes. Milliseconds. */
const renewAgainMs = 60_000;
/** When a version that had worked is retried: first after its rejection, then after each retry. Milliseconds. */
const firstRetryMs = 30 * 60_000;
const nextRetryMs = 6 * 3_600_000;

/** The claim that buys this login. */
export function claimOf({ item, isRetry, forced }: LoginOrder, now: number): Claim {
  return {
    owner: randomUUID(),
    now,
    leaseUntil: now + leaseMs,
    dropToken: hasExpiredToken(item, now),
    ...(isRetry && { retryRejectedAt: now + nextRetryMs }),
    ...(forced !== undefined && { forced }),
  };
}

/** A version that had worked gets its first retry with its rejection; a later rejection keeps the time that the claim set. */
export function rejectionOf({ item, key, isRetry }: LoginOrder, at: number): Rejection {
  const isFirst = item.lastGood === key && !isRetry;
  return { kind: 'reject', key, ...(isFirst && { retryRejectedAt: at + firstRetryMs }) };
}

/** A failed login as it is stored, and whether it means that the account itself may be broken. */
export function failureOf(
  order: LoginOrder,
  claim: Claim,
  { failed, at, random }: { readonly failed: FailedLogin; readonly at: number; readonly random: number },
) {
  const { item, isBackground } = order;
  const { error, answer, reached } = failed;
  const failures = item.failedAnswer === answer ? item.failures + 1 : 1;
  const backoffUntil = at + backoffMs(failed, failures, random);
  const endLease = reached !== 'unknown';
  const retryAt = endLease ? backoffUntil : Math.max(backoffUntil, claim.leaseUntil + clockToleranceMs);
  const failure: Failure = {
    kind: 'fail',
    owner: claim.owner,
    endLease,
    error: { code: error.code, at },
    backoff: { retryAt, code: error.code, answer, failures },
    ...(isBackground && { renewAt: at + renewAgainMs }),
    ...(reached === 'no' && rollbackOf(order)),
  };
  return { failure, retryAt, isBroken: isAccountBroken(answer, failures) };
}

/** The end of a claim that sent nothing. */
export function withdrawalOf(order: LoginOrder, { owner }: Claim): Failure {
  return { kind: 'fail', owner, endLease: true, ...rollbackOf(order) };
}

/** A claim that sent nothing must not use up a forced renewal, or the rare retry of a rejected version. */
function rollbackOf({ item, forced, isRetry }: LoginOrder): Pick<Failure, 'rollback'> {
  const retry = isRetry && { retryRejectedAt: item.retryRejectedAt ?? 0 };
  return { rollback: { ...(forced !== undefined && { forced: item.forced }), ...retry } };
}

/** The error for the caller: it says when the next login may be, as every other caller is told until then. */
export function errorUntil({ code, message, cause }: BrokerError, retryAfterMs: number): BrokerError {
  return new BrokerError(code, message, { cause, retryAfterMs });
}

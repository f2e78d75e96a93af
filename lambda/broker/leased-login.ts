import { randomUUID } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import { holdMs, isSick } from './backoff.ts';
import type { Choice } from './credential-selection.ts';
import { clockToleranceMs, type ForcedRenewals, holdsExpiredToken, type Item } from './item.ts';
import type { Recollection } from './local-state.ts';
import { createSendLogin, type FailedLogin, type Sent } from './login.ts';
import { armGuard, type Guard, GuardExpired, type Moment } from './login-guard.ts';
import type { Change, Claim, Ports } from './ports.ts';
import { withTimeLimit } from './time-limit.ts';
import type { Token } from './token.ts';

/** How one claim and the login it bought ended. */
export type AttemptEnd =
  /** Another environment was faster, or our claim cannot be proved: nothing was sent. */
  | { readonly kind: 'lost' }
  /** Too long went by before the first byte: nothing was sent. */
  | { readonly kind: 'expired' }
  /** `kept` is false where another claim came in between: the token is good, but not the one everybody uses. */
  | { readonly kind: 'issued'; readonly token: Token; readonly sent: Moment; readonly kept: boolean }
  /** Fegora refused these credentials, and they are marked. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'failed'; readonly error: BrokerError };

/** What an attempt is to do. */
export interface Errand extends Choice {
  readonly item: Item;
  readonly recollection: Recollection;
  readonly forced?: ForcedRenewals;
  /** Whether a caller waits who could be served at once: if this login fails, the next one can wait. */
  readonly spare: boolean;
  /** Whether the login is cut short. */
  readonly brief: boolean;
  /** For claim and login together. Milliseconds. */
  readonly deadlineMs: number;
}

/** The note that Fegora refused some credentials. */
export type Mark = Extract<Change, { kind: 'mark' }>;

/** How long a claim keeps others away. Milliseconds. */
export const leaseMs = 15_000;
/** How long a login may take from its first byte on while its caller could be served at once. Milliseconds. */
export const briefMs = 2000;
const settleMs = 2000;
const renewAgainMs = 60_000;
const provenAgainMs = 30 * 60_000;
const triedAgainMs = 6 * 3_600_000;

type Crew = Ports & { readonly sendLogin: ReturnType<typeof createSendLogin>; readonly now: Guard['now'] };

/** Claims, sends at most one login, and writes its result before it resolves. Rejects where the claim was not answered. */
export function createAttempt(ports: Ports): (errand: Errand) => Promise<AttemptEnd> {
  const sendLogin = createSendLogin(ports);

  return async (errand) => {
    const { brief, deadlineMs } = errand;
    const guard = armGuard(ports.clock, { deadlineMs, ...(brief && { cutAfterSendMs: briefMs }) });
    try {
      return await claimAndLogIn({ ...ports, sendLogin, now: guard.now }, errand, guard);
    } finally {
      guard.disarm();
    }
  };
}

async function claimAndLogIn(crew: Crew, errand: Errand, guard: Guard): Promise<AttemptEnd> {
  const { account } = errand.item;
  const claim = claimFor(errand, guard.armed.wall);
  if (!(await crew.table.claim(errand.item, claim, guard.signal))) {
    return { kind: 'lost' };
  }
  try {
    const sent = await crew.sendLogin(account, errand.credentials, guard);
    return sent.kind === 'issued' ? await publish(crew, errand, claim, sent) : await giveUp(crew, errand, claim, sent);
  } catch (thrown) {
    if (!(thrown instanceof GuardExpired)) {
      throw thrown;
    }
    crew.observe({ kind: 'guard_expired', account });
    await settle(crew, account, { kind: 'fail', owner: claim.owner, endLease: true, ...undoneOf(errand) });
    return { kind: 'expired' };
  }
}

function claimFor({ item, proving, forced }: Errand, now: number): Claim {
  return {
    owner: randomUUID(),
    now,
    leaseUntil: now + leaseMs,
    dropToken: holdsExpiredToken(item, now),
    ...(proving && { nextTry: now + triedAgainMs }),
    ...(forced !== undefined && { forced }),
  };
}

async function publish(crew: Crew, errand: Errand, { owner }: Claim, issued: Issued): Promise<AttemptEnd> {
  const { account } = errand.item;
  const change: Change = { kind: 'publish', owner, token: issued.token, key: errand.key, at: crew.now() };
  const isRefused = (await settle(crew, account, change)) === 'refused';
  if (isRefused) {
    crew.observe({ kind: 'publish_refused', account });
  }
  return { ...issued, kept: !isRefused };
}

async function giveUp(crew: Crew, errand: Errand, claim: Claim, failed: FailedLogin): Promise<AttemptEnd> {
  const { account } = errand.item;
  crew.observe({ kind: 'failed', account, code: failed.error.code });
  if (failed.answer === 'invalid_grant') {
    await mark(crew, errand, claim);
    return { kind: 'refused' };
  }
  const change = failureOf(crew, errand, claim, failed);
  await settle(crew, account, change);
  const { code, message, cause } = failed.error;
  // Told when the next login may be, as everybody else will be until then.
  const retryAfterMs = change.hold.retryAt - crew.now();
  return { kind: 'failed', error: new BrokerError(code, message, { cause, retryAfterMs }) };
}

/** Marks first: if the lease cannot be ended after that, nobody tries this version again all the same. */
async function mark(crew: Crew, errand: Errand, { owner }: Claim): Promise<void> {
  const { item, key, recollection } = errand;
  const at = crew.now();
  const change = markOf(errand, at);
  await withTimeLimit(crew.clock, settleMs, async (limit) => {
    if ((await write(crew, item.account, change, limit)) === 'written') {
      const error = { code: 'credentials_rejected', at } as const;
      await write(crew, item.account, { kind: 'fail', owner, endLease: true, error }, limit);
    } else {
      crew.observe({ kind: 'mark_unwritten', account: item.account });
      recollection.pendingMarks.set(key, change);
    }
  });
  // The secret may have changed since it was cached: ask at once.
  recollection.secretAskedAt = Number.NEGATIVE_INFINITY;
}

/** A version that had logged in gets its first retry with its mark; a later mark keeps what the claim had set. */
export function markOf({ item, key, proving }: Refused, at: number): Mark {
  return { kind: 'mark', key, ...(item.proven === key && !proving && { nextTry: at + provenAgainMs }) };
}

interface Refused extends Pick<Errand, 'key' | 'proving'> {
  readonly item: Pick<Item, 'proven'>;
}

function failureOf(crew: Crew, errand: Errand, { owner, leaseUntil }: Claim, failed: FailedLogin): Failure {
  const { item, spare } = errand;
  const at = crew.now();
  const { error, answer, reached } = failed;
  const failures = item.failedAnswer === answer ? item.failures + 1 : 1;
  if (isSick(answer, failures)) {
    crew.observe({ kind: 'html_500_repeated', account: item.account });
  }
  const heldUntil = at + holdMs(failed, failures, crew.random());
  const endLease = reached !== 'unknown';
  const retryAt = endLease ? heldUntil : Math.max(heldUntil, leaseUntil + clockToleranceMs);
  const hold = { retryAt, code: error.code, answer, failures };
  const renewAt = spare && { renewAt: at + renewAgainMs };
  const undone = reached === 'no' && undoneOf(errand);
  return { kind: 'fail', owner, endLease, error: { code: error.code, at }, hold, ...renewAt, ...undone };
}

/** A claim that sent nothing must not use up a forced renewal, or the rare try of a refused version. */
function undoneOf({ item, forced, proving }: Errand): Pick<Fail, 'undone'> {
  const nextTry = proving && { nextTry: item.nextTry ?? 0 };
  return { undone: { ...(forced !== undefined && { forced: item.forced }), ...nextTry } };
}

function settle(crew: Crew, account: string, change: Change): Promise<Settled> {
  return withTimeLimit(crew.clock, settleMs, (limit) => write(crew, account, change, limit));
}

type Settled = 'written' | 'refused' | 'unwritten';

/** Writes, trying again until the limit. */
async function write(crew: Crew, account: string, change: Change, limit: AbortSignal): Promise<Settled> {
  const { clock, table, random, observe } = crew;
  while (!limit.aborted) {
    const written = await table.write(account, change, limit).catch(() => undefined);
    if (written !== undefined) {
      return written ? 'written' : 'refused';
    }
    await clock.sleep(100 * (1 + random()), limit);
  }
  observe({ kind: 'table_unavailable', account });
  return 'unwritten';
}

type Fail = Extract<Change, { kind: 'fail' }>;
type Failure = Fail & Required<Pick<Fail, 'hold'>>;
type Issued = Extract<Sent, { kind: 'issued' }>;

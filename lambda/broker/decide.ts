// The protocol as one pure function: what a refresh does about the item as it was read. Called by refresh-loop.ts.
import { BrokerError } from '../errors.ts';
import { blockOf, gapEnds, type Item, probedFailure, servableToken, stealableAt } from './item.ts';
import { isPatientNext } from './login/backoff.ts';
import { restsUntil } from './login/doubt.ts';
import { budgetBlock, budgetFor, forcedBlock } from './login/login-budget.ts';
import type { GrantType, LoginBudget } from './ports.ts';
import type { RefreshGoal, Snapshot } from './refresh.ts';
import { meetsValidity, renewableFrom } from './token.ts';

/** What to do. */
export type Decision =
  /** The stored token is all that this call gets. `failure` tells a verification that it did not log in. */
  | { readonly kind: 'serve'; readonly failure?: BrokerError }
  /** No environment may log in now. */
  | { readonly kind: 'blocked'; readonly error: BrokerError }
  /**
   * Another login is under way, or the last one was a moment ago: read again at `until` (wall clock) at the latest.
   * `probed` is the failure that this login probes; a call without a token does not wait for a probe.
   */
  | { readonly kind: 'wait'; readonly until: number; readonly probed: BrokerError | undefined }
  /**
   * Claim the lease and log in. `grant`: what with; if it is the refresh token, `passwordBlock` is why the password may not
   * be sent in its place. `isForced`: a reported token forces this login. `isBackground`: the caller can be served whatever
   * becomes of this login. `isPatient`: listen long for a late answer. `probed` is the failure that it probes.
   */
  | {
      readonly kind: 'log-in';
      readonly grant: GrantType;
      readonly passwordBlock: BrokerError | undefined;
      readonly isForced: boolean;
      readonly isBackground: boolean;
      readonly isPatient: boolean;
      readonly probed: BrokerError | undefined;
    };

/** What of this environment the decision depends on. */
export interface DecisionContext {
  /** How far into its first quarter this environment opens the renewal window, from 0 to 1. */
  readonly jitter: number;
  readonly loginBudget: LoginBudget;
}

/**
 * Decides. Pure: the same arguments give the same answer.
 *
 * @see docs/architecture.md, «What happens when»
 */
export function decide(snapshot: Snapshot, goal: RefreshGoal, context: DecisionContext): Decision {
  const { item, current } = snapshot;
  const now = snapshot.seen.wall;
  if (isSatisfied(snapshot, goal, context.jitter)) {
    return { kind: 'serve' };
  }
  const blocking = blockingError(snapshot, goal);
  if (blocking !== undefined) {
    return { kind: 'blocked', error: blocking };
  }
  const isForced = goal.rejected !== undefined && servableToken(item, now)?.fingerprint === goal.rejected;
  const probed = current === undefined ? probedFailure(item) : undefined;
  const until = Math.max(stealableAt(item), isForced ? 0 : gapEnds(item));
  if (until >= now) {
    const retryAfterMs = isUnderWay(snapshot) ? loginTakesMs : until + 1 - now;
    return needsHolder(snapshot, goal) ? { kind: 'wait', until, probed } : leaveToHolder(goal, retryAfterMs);
  }
  return logInUnlessBlocked(snapshot, goal, { isForced, probed, loginBudget: context.loginBudget });
}

/** The decision to log in. */
export type LogIn = Extract<Decision, { kind: 'log-in' }>;

function logInUnlessBlocked(
  snapshot: Snapshot,
  goal: RefreshGoal,
  { isForced, probed, loginBudget }: Pick<LogIn, 'isForced' | 'probed'> & Pick<DecisionContext, 'loginBudget'>,
): Decision {
  const { item } = snapshot;
  const grant = grantFor(item, goal, isForced);
  const resting = restError(snapshot);
  const error =
    (grant === 'password' ? resting : undefined) ?? budgetError(snapshot, isForced ? goal : undefined, loginBudget);
  if (error !== undefined) {
    return { kind: 'blocked', error };
  }
  const how = { isForced, isBackground: isBackground(snapshot, goal), isPatient: isPatient(item), probed };
  return { kind: 'log-in', grant, passwordBlock: resting, ...how };
}

/**
 * A reported token may mean that the whole chain of tokens ended, and a verification asks about the password. In password
 * mode, the item as it was read has no refresh token.
 */
function grantFor({ refreshToken }: Item, { kind }: RefreshGoal, isForced: boolean): GrantType {
  return refreshToken !== undefined && !isForced && kind !== 'verify' ? 'refresh_token' : 'password';
}

function isBackground({ current }: Snapshot, { kind }: RefreshGoal): boolean {
  return current !== undefined && (kind === 'serve' || kind === 'refresh-ahead');
}

/** After a send that may have been refused, each answer counts, however late it comes. */
function isPatient({ failures, isSlow, sends }: Item): boolean {
  return isSlow || sends.length > 0 || isPatientNext(failures.unknown ?? 0);
}

/** Why no password of this user may be sent now: too many were refused within an hour. */
function restError({ item, seen }: Snapshot): BrokerError | undefined {
  const retryAfterMs = restsUntil(item.sends, seen.wall) - seen.wall;
  const text = 'three passwords of this user were refused within an hour';
  return retryAfterMs > 0 ? new BrokerError('too_many_refusals', text, { retryAfterMs }) : undefined;
}

/** Why the Fegora user must not be logged in now, however: its budget is used up. */
function budgetError(
  { item, seen }: Snapshot,
  forcing: RefreshGoal | undefined,
  settings: LoginBudget,
): BrokerError | undefined {
  const budget = budgetFor(settings, item.lifetimeMs);
  const forced = forcing && forcedBlock(item.logins, forcing.caller ?? '', budget, seen.wall);
  return forced ?? budgetBlock(item.logins, budget, seen.wall);
}

/** Whether the stored token is all that the goal asks for. */
function isSatisfied({ current, seen }: Snapshot, goal: RefreshGoal, jitter: number): boolean {
  const { kind, minValidityMs, rejected } = goal;
  if (current === undefined || kind === 'verify' || !meetsValidity(current, minValidityMs, seen.wall)) {
    return false;
  }
  const isEnough = rejected !== undefined || kind === 'check';
  return isEnough || seen.wall < renewableFrom(current, kind === 'warm' ? 0 : jitter);
}

/** What forbids a login to every goal: a faulty item, a pause, a back-off. A failed renewal forbids the next for a minute. */
function blockingError({ item, current, seen }: Snapshot, { kind }: RefreshGoal): BrokerError | undefined {
  if (item.fault !== undefined) {
    return new BrokerError('table_unavailable', `the item cannot be used: ${item.fault}`);
  }
  const error = blockOf(item, seen.wall);
  const isHeld = current !== undefined && (item.renewAt ?? 0) > seen.wall && kind !== 'verify';
  return error ?? (isHeld ? renewalFailure(item) : undefined);
}

/** Why a renewal is not tried again yet. */
export function renewalFailure({ lastError }: Item): BrokerError {
  return new BrokerError(lastError?.code ?? 'upstream_unavailable', 'a renewal failed a short while ago');
}

/** Waits for another environment's login only if there is no token, or if the caller asked for more validity than it has. */
export function needsHolder({ current, seen }: Snapshot, { minValidityMs }: RefreshGoal): boolean {
  return current === undefined || !meetsValidity(current, minValidityMs, seen.wall);
}

/** Whether another login is under way, or may be. */
export function isUnderWay({ item, seen }: Pick<Snapshot, 'item' | 'seen'>): boolean {
  return stealableAt(item) >= seen.wall;
}

/** How long another login probably takes. Milliseconds. */
const loginTakesMs = 1000;

/**
 * Leaves the renewal to the environment that is at it. A verification says that it did not log in, and when to try again.
 *
 * @param retryAfterMs milliseconds
 */
export function leaveToHolder(
  { kind }: RefreshGoal,
  retryAfterMs: number = loginTakesMs,
): Extract<Decision, { kind: 'serve' }> {
  const text = 'another login is under way, or was a moment ago';
  const failure = new BrokerError('renewal_in_progress', text, { retryAfterMs });
  return kind === 'verify' ? { kind: 'serve', failure } : { kind: 'serve' };
}

// Reads the item until it holds what is wanted, or until this environment has logged in. Called through single-flight.ts.
import { asBrokerError, BrokerError } from '../errors.ts';
import { clockToleranceMs, isSteady, momentOf } from './clock.ts';
import { createCredentialSelection, type SelectedCredentials } from './credential-selection.ts';
import { type Decision, decide, leaveToHolder, needsHolder, renewalFailure, type Snapshot } from './decide.ts';
import { createItemReader } from './item-reader.ts';
import type { LoginOrder } from './lease-records.ts';
import { createLeasedLogin, type LeasedLoginEnd } from './leased-login.ts';
import type { LocalState } from './local-state.ts';
import { loginLimitMs, loginNeedsMs, settleReserveMs } from './login-guard.ts';
import type { AccountPorts } from './ports.ts';
import type { RefreshGoal, RefreshRequest, RefreshResult } from './refresh.ts';
import { startTimeLimit } from './time-limit.ts';
import { servableUntil, type Token } from './token.ts';

/** What one turn of the loop came to: the end, a failure, or the time (wall clock) at which to read again at the latest. */
type Turn = RefreshResult | BrokerError | { readonly againAt: number };

type Wait = Extract<Decision, { kind: 'wait' }>;
type LogIn = Extract<Decision, { kind: 'log-in' }>;

/** A call that wants a token, on the item as it was read. */
interface Turning {
  readonly request: RefreshRequest;
  readonly snapshot: Snapshot;
  /** Aborts when the call gives up waiting. */
  readonly late: AbortSignal;
}

const pollMs = { first: 100, longest: 500 };
/** How long a login may take from its first byte on if its caller can be served without it. Milliseconds. */
const backgroundMs = 2000;

/**
 * Makes the function that refreshes the token of one account. It never rejects.
 *
 * @param jitter how far into its first quarter this environment opens the renewal window, from 0 to 1
 */
export function createRefresh(ports: AccountPorts, state: LocalState, jitter: number) {
  const { clock, random, observe } = ports;
  const readSnapshot = createItemReader(ports, state);
  const selectCredentials = createCredentialSelection(ports, state);
  const logIn = createLeasedLogin(ports, state);

  return async (request: RefreshRequest): Promise<RefreshResult> => {
    const { late, stop } = startTimeLimit(clock, request.until - clock.monotonic());
    let snapshot: Snapshot | undefined;
    try {
      for (let polls = 0; ; polls++) {
        snapshot = await readSnapshot(request.goal.rejected, late);
        const turn = await act({ request, snapshot, late });
        const end = 'againAt' in turn ? await pause(polls, turn.againAt, late) : turn;
        if (end !== undefined) {
          return ended(end, late, snapshot);
        }
      }
    } catch (thrown) {
      return ended(asBrokerError(thrown), late, snapshot);
    } finally {
      stop();
    }
  };

  function ended(end: RefreshResult | BrokerError, late: AbortSignal, snapshot: Snapshot | undefined): RefreshResult {
    if (!(end instanceof BrokerError)) {
      return end;
    }
    const failure = attributeTimeout(end, late, snapshot);
    if (failure.code === 'table_unavailable') {
      observe({ kind: 'table_unavailable' });
    }
    return resultOf(snapshot ?? { seen: momentOf(clock), current: undefined }, failure);
  }

  function act(turning: Turning): Turn | Promise<Turn> {
    const { request, snapshot } = turning;
    const decision = decide(snapshot, request.goal, jitter);
    switch (decision.kind) {
      case 'serve':
        return resultOf(snapshot, decision.failure);
      case 'blocked':
        if (decision.isBackedOff) {
          observe({ kind: 'retry_held' });
        }
        return decision.error;
      case 'wait':
        return waitForHolder(turning, decision);
      case 'log-in':
        return logInOnce(turning, decision);
    }
  }

  /** Waits, unless the login under way is only a probe, or our own version of the secret is rejected. */
  async function waitForHolder(turning: Turning, { until, probed }: Wait): Promise<Turn> {
    // A verification asks Secrets Manager at each selection: not at every poll, but when it is its turn.
    const selected = turning.request.goal.kind === 'verify' ? undefined : await select(turning);
    // The other login may well do without Secrets Manager.
    if (selected instanceof BrokerError && selected.code !== 'secret_unavailable') {
      return selected;
    }
    return probed ?? { againAt: until };
  }

  function select({ request, snapshot, late }: Turning): Promise<SelectedCredentials | BrokerError> {
    return selectCredentials({ item: snapshot.item, isVerification: request.goal.kind === 'verify', signal: late });
  }

  async function logInOnce(turning: Turning, decision: LogIn): Promise<Turn> {
    const selected = await select(turning);
    if (selected instanceof BrokerError) {
      return selected;
    }
    const order = orderOf(turning, decision, selected);
    if (!('credentials' in order)) {
      return order;
    }
    announce(turning, decision.probed);
    return turnAfter(turning, await logIn(order));
  }

  /** The login to make, or what comes in its place. */
  function orderOf(turning: Turning, decision: LogIn, selected: SelectedCredentials): LoginOrder | Turn {
    const { request, snapshot } = turning;
    const { item } = snapshot;
    if (request.goal.kind === 'verify' && item.token?.versionId === selected.credentials.versionId) {
      return resultOf(snapshot);
    }
    const leftMs = request.remaining();
    if (leftMs < loginNeedsMs) {
      return new BrokerError('deadline', 'too little time was left to claim');
    }
    if (!isSteady(clock, snapshot.seen)) {
      return { againAt: clock.now() };
    }
    const { forced, isBackground } = decision;
    const order = { ...selected, item, forced, isBackground, deadlineMs: loginLimitMs(leftMs) };
    return isBackground ? backgroundOrder(snapshot, order) : order;
  }

  /** A renewal ahead of need: it is cut short, unless the one before it failed, and must not outlive the stored token. */
  function backgroundOrder(snapshot: Snapshot, order: LoginOrder): LoginOrder | Turn {
    const isFirst = snapshot.item.renewAt === undefined;
    const { deadlineMs } = order;
    const longestMs = isFirst ? Math.min(clockToleranceMs + backgroundMs, deadlineMs) : deadlineMs;
    if (!outlives(snapshot.current, longestMs)) {
      return resultOf(snapshot, isFirst ? undefined : renewalFailure(snapshot.item));
    }
    return isFirst ? { ...order, cutAfterSendMs: backgroundMs } : order;
  }

  /** Whether the stored token can still be served if a login of this length fails. */
  function outlives(current: Token | undefined, loginMs: number): boolean {
    return current !== undefined && servableUntil(current) >= clock.now() + loginMs + settleReserveMs;
  }

  /** Calls that joined do not wait for a login if they can be served without it, or if it only probes. */
  function announce({ request, snapshot }: Turning, probed: BrokerError | undefined): void {
    if (snapshot.current !== undefined || probed !== undefined) {
      request.announce?.(resultOf(snapshot, probed));
    }
  }

  function turnAfter({ request: { goal }, snapshot }: Turning, end: LeasedLoginEnd): Turn {
    switch (end.kind) {
      case 'issued':
        return end.result;
      case 'failed':
        return end.error;
      case 'lost':
        return needsHolder(snapshot, goal) ? { againAt: Number.POSITIVE_INFINITY } : leave(snapshot, goal);
      case 'rejected':
      case 'withheld':
        return { againAt: clock.now() };
    }
  }

  function leave(snapshot: Snapshot, goal: RefreshGoal): RefreshResult {
    return resultOf(snapshot, leaveToHolder(goal).failure);
  }

  /** Sleeps until the next read, longer at each poll; the error if there is no time for another read. */
  async function pause(polls: number, againAt: number, late: AbortSignal): Promise<BrokerError | undefined> {
    const untilThenMs = Math.max(0, againAt - clock.now());
    const pollAfterMs = Math.min(pollMs.first * 2 ** polls, pollMs.longest) * (0.5 + random());
    // At least a millisecond: what ends at this very millisecond has not ended yet.
    await clock.sleep(Math.max(1, Math.min(untilThenMs, pollAfterMs)), late);
    if (!late.aborted) {
      return undefined;
    }
    const retryAfterMs = Number.isFinite(againAt) ? againAt - clock.now() : pollMs.longest;
    return new BrokerError('renewal_in_progress', 'the login under way did not end in time', { retryAfterMs });
  }
}

/** What was read, as it is; with `failure`, why there is nothing better. */
function resultOf({ current, seen }: Pick<Snapshot, 'current' | 'seen'>, failure?: BrokerError): RefreshResult {
  const token = current !== undefined && { token: current };
  return { ...token, seen, source: 'shared', isShared: true, ...(failure !== undefined && { failure }) };
}

/** A request that was cut because this call had no time left says nothing about the service that was asked. */
function attributeTimeout(error: BrokerError, late: AbortSignal, snapshot: Snapshot | undefined): BrokerError {
  const isCut = late.aborted && (error.code === 'table_unavailable' || error.code === 'secret_unavailable');
  if (!isCut) {
    return error;
  }
  const code = snapshot === undefined ? 'deadline' : 'renewal_in_progress';
  return new BrokerError(code, 'no time was left to wait for the table or the secret');
}

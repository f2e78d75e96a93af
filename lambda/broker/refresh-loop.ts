// Reads the item until it holds what is wanted, or until this environment has logged in. Called through single-flight.ts.
import { asBrokerError, BrokerError } from '../errors.ts';
import { momentOf } from './clock.ts';
import { type Decision, decide, isUnderWay } from './decide.ts';
import { createItemReader } from './item-reader.ts';
import type { LocalState } from './local-state.ts';
import { createLoginTurn, type Turn, type TurnOptions } from './login/login-turn.ts';
import { createPause } from './poll.ts';
import type { AccountPorts } from './ports.ts';
import { type RefreshRequest, type RefreshResult, resultOf, type Snapshot } from './refresh.ts';
import { startTimeLimit } from './time-limit.ts';
import { createUseNotes } from './use.ts';

type Wait = Extract<Decision, { kind: 'wait' }>;

/**
 * Makes the function that refreshes the token of one account. It never rejects.
 *
 * @param jitter how far into its first quarter this environment opens the renewal window, from 0 to 1
 */
export function createRefresh(ports: AccountPorts, state: LocalState, jitter: number) {
  const { clock, observe } = ports;
  const readSnapshot = createItemReader(ports, state);
  const { select, logInOnce } = createLoginTurn(ports, state);
  const { verifyStored, waitForHolder } = createWithoutLogin(select);
  const pause = createPause(ports);
  const noteUse = createUseNotes(ports);
  const context = { jitter, loginBudget: ports.loginBudget };

  return async (request: RefreshRequest): Promise<RefreshResult> => {
    const { late, stop } = startTimeLimit(clock, request.until - clock.monotonic());
    let snapshot: Snapshot | undefined;
    try {
      for (let polls = 0; ; polls++) {
        snapshot = await readSnapshot(request.goal.rejected, late);
        const turn = await act({ request, snapshot, late });
        const end = 'againAt' in turn ? await pause(polls, { ...turn, item: snapshot.item }, late) : turn;
        if (end !== undefined) {
          return await ended(end, late, request, snapshot);
        }
      }
    } catch (thrown) {
      return await ended(asBrokerError(thrown), late, request, snapshot);
    } finally {
      stop();
    }
  };

  async function ended(
    end: RefreshResult | BrokerError,
    late: AbortSignal,
    request: RefreshRequest,
    snapshot: Snapshot | undefined,
  ): Promise<RefreshResult> {
    const result = end instanceof BrokerError ? failed(end, late, snapshot) : end;
    await noteUse(request, snapshot, result);
    return result;
  }

  function failed(error: BrokerError, late: AbortSignal, snapshot: Snapshot | undefined): RefreshResult {
    const failure = attributeTimeout(error, late, snapshot);
    if (failure.code === 'table_unavailable') {
      observe({ kind: 'table_unavailable' });
    }
    return resultOf(snapshot ?? { seen: momentOf(clock), current: undefined }, failure);
  }

  function act(options: TurnOptions): Turn | Promise<Turn> {
    const { request, snapshot } = options;
    const decision = decide(snapshot, request.goal, context);
    switch (decision.kind) {
      case 'serve':
        return decision.failure === undefined ? resultOf(snapshot) : verifyStored(options, decision.failure);
      case 'blocked':
        return decision.error;
      case 'wait':
        return waitForHolder(options, decision);
      case 'log-in':
        return logInOnce(options, decision);
    }
  }
}

type Select = ReturnType<typeof createLoginTurn>['select'];

/** Makes the functions of a call that may not log in now. They only ask whether its version of the secret could. */
function createWithoutLogin(select: Select) {
  return { verifyStored, waitForHolder };

  /** A verification that may not log in now: the stored token may be of the current version, or that version be refused. */
  async function verifyStored(options: TurnOptions, failure: BrokerError): Promise<Turn> {
    const { snapshot } = options;
    if (isUnderWay(snapshot)) {
      return resultOf(snapshot, failure);
    }
    const selected = await select(options);
    if (selected instanceof BrokerError) {
      return selected;
    }
    const isOfVersion = snapshot.item.token?.versionId === selected.credentials.versionId;
    return resultOf(snapshot, isOfVersion ? undefined : failure);
  }

  /** Waits, unless the login under way is only a probe, or our own version of the secret is rejected. */
  async function waitForHolder(options: TurnOptions, { until, probed }: Wait): Promise<Turn> {
    const { request, snapshot } = options;
    // A verification asks Secrets Manager at each selection: not at every poll, but when it is its turn. A login with the
    // refresh token may succeed whatever Fegora thinks of the password.
    const isRenewal = snapshot.item.refresh === 'taken' && isUnderWay(snapshot);
    const isUnasked = request.goal.kind === 'verify' || isRenewal;
    const grant = snapshot.item.refreshToken === undefined ? 'password' : 'refresh_token';
    const selected = isUnasked ? undefined : await select(options, grant);
    // The other login may well do without Secrets Manager.
    if (selected instanceof BrokerError && selected.code !== 'secret_unavailable') {
      return selected;
    }
    return probed ?? { againAt: until };
  }
}

/** A request that was cut because this call had no time left says nothing about the service that was asked. */
function attributeTimeout(error: BrokerError, late: AbortSignal, snapshot: Snapshot | undefined): BrokerError {
  const isCut = late.aborted && (error.code === 'table_unavailable' || error.code === 'secret_unavailable');
  if (!isCut) {
    return error;
  }
  const code = snapshot === undefined ? 'deadline' : 'renewal_in_progress';
  return new BrokerError(code, 'no time was left to wait for the table or the secret', { cause: error.cause });
}

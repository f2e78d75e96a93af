// One try to log in: connects, reads the secret, binds the user, claims. Called by refresh-loop.ts.
import { BrokerError } from '../../errors.ts';
import { type Clock, clockToleranceMs, isSteady, timeSince } from '../clock.ts';
import { type LogIn, leaveToHolder, needsHolder, renewalFailure } from '../decide.ts';
import { type Item, isLoginLikely, userKey } from '../item.ts';
import type { LocalState } from '../local-state.ts';
import type { AccountPorts, LoginConnection } from '../ports.ts';
import { type RefreshRequest, type RefreshResult, resultOf, type Snapshot } from '../refresh.ts';
import { startTimeLimit } from '../time-limit.ts';
import { servableUntil, type Token } from '../token.ts';
import { useOfNew } from '../use.ts';
import { createCredentialSelection, type SelectionOptions } from './credential-selection.ts';
import { errorUntil, type LoginOrder, type SelectedCredentials, unreachableOf } from './lease-records.ts';
import { createLeasedLogin, type LeasedLoginEnd } from './leased-login.ts';
import { budgetFor, isHalfUsed } from './login-budget.ts';
import { loginLimitMs, loginNeedsMs, patientLimitMs, settleReserveMs } from './login-guard.ts';
import type { FailedLogin } from './login-outcome.ts';
import { createUserBinding, type ReadAgain } from './user-binding.ts';

/** What one turn of the loop came to: the end, a failure, or the time (wall clock) at which to read again at the latest. */
export type Turn = RefreshResult | BrokerError | ReadAgain;

/** A call that wants a token, on the item as it was read. */
export interface TurnOptions {
  readonly request: RefreshRequest;
  readonly snapshot: Snapshot;
  /** Aborts when the call gives up waiting. */
  readonly late: AbortSignal;
}

/** How long a login may take from its first byte on if its caller can be served without it. Milliseconds. */
const backgroundMs = 2000;
/** How long name, TCP and TLS may take. Milliseconds. */
const longestConnectMs = 8000;

/** Makes the functions that log in, and that say whether our own version of the secret could log in. */
export function createLoginTurn(ports: AccountPorts, state: LocalState) {
  const { clock, login } = ports;
  const { select, selectFor } = createSelect(ports, state);
  const bindUser = createUserBinding(ports);
  const logIn = createLeasedLogin(ports, state);

  return { select, logInOnce };

  /** Connects beside the reading of the secret, if a login will come of it. No lease is taken before the connection stands. */
  async function logInOnce(options: TurnOptions, decision: LogIn): Promise<Turn> {
    const limit = startTimeLimit(clock, connectMs(options, decision));
    let connecting = isLoginSure(ports, options) && !state.isDuplicate ? login(limit.late) : undefined;
    try {
      const order = await prepare(options, decision);
      state.isDuplicate = order instanceof BrokerError && order.code === 'duplicate_user';
      if (!('credentials' in order)) {
        return order;
      }
      connecting ??= login(limit.late);
      const connection = await connecting;
      if (connection.kind === 'failed') {
        return await shareFailure(ports, options, connection, decision);
      }
      const timed = timedOrder(clock, options, order, decision);
      return 'credentials' in timed ? turnAfter(ports, options, await logIn(timed, connection)) : timed;
    } finally {
      // Nothing may run after the answer: neither the opening of a connection, nor one that was not used.
      limit.stop();
      closeUnused(connecting);
    }
  }

  /** The login to make, or what comes in its place. Announces what calls that joined may have meanwhile. */
  async function prepare(options: TurnOptions, decision: LogIn): Promise<UntimedOrder | Turn> {
    const { request, snapshot, late } = options;
    const { item } = snapshot;
    const selected = await selectFor(item, options, decision.grant);
    if (selected instanceof BrokerError) {
      return selected;
    }
    if (request.goal.kind === 'verify' && item.token?.versionId === selected.credentials.versionId) {
      return resultOf(snapshot);
    }
    announce(options, decision.probed);
    const binding = await bindUser(snapshot, selected.credentials, late);
    if (binding !== undefined && !('newUser' in binding)) {
      return binding;
    }
    const forced = decision.isForced && { forcedBy: request.goal.caller ?? '' };
    const use = ports.notesUse === true && useOfNew(item, request.goal.kind);
    return orderOf({ ...selected, ...forced, ...binding, ...use, item }, decision);
  }
}

/** Whether a login probably follows. An open account without an item may not exist: its secret tells first. */
function isLoginSure({ account, isOpen }: AccountPorts, { snapshot: { item } }: TurnOptions): boolean {
  return isLoginLikely(item) && (item.revision > 0 || isOpen?.(account) !== true);
}

/** Makes the functions that pick the version of the secret for a login. */
function createSelect(ports: AccountPorts, state: LocalState) {
  const selectCredentials = createCredentialSelection(ports, state);

  return { select, selectFor };

  /** @param grant what the login is to be made with */
  async function select(
    { request, snapshot: { item }, late }: TurnOptions,
    grant: LogIn['grant'] = 'password',
  ): Promise<SelectedCredentials | BrokerError> {
    const isVerification = request.goal.kind === 'verify';
    const renewed = grant === 'refresh_token' ? item.refreshToken?.versionId : undefined;
    // An open account was perhaps removed, and added again for another user.
    const isOutdated = ports.isOpen?.(ports.account) === true && item.generation !== state.secretGeneration;
    const selected = await selectLost({ item, isVerification, isOutdated, renewed, signal: late });
    if (!(selected instanceof BrokerError && selected.code === 'secret_unavailable')) {
      state.secretGeneration = item.generation;
    }
    return selected;
  }

  /** An open account that was in use, and was not removed, has lost its secret, or the right to read it: an operator has to know. */
  async function selectLost(
    options: SelectionOptions & { readonly item: Item },
  ): Promise<SelectedCredentials | BrokerError> {
    const selected = await selectCredentials(options);
    const isUnknown = selected instanceof BrokerError && selected.code === 'unknown_account';
    return isUnknown && options.item.revision > 0 ? new BrokerError('secret_missing', selected.message) : selected;
  }

  /** Asks Secrets Manager before the account moves to another user: what is cached may be from before the last move. */
  async function selectFor(
    item: Item,
    options: TurnOptions,
    grant: LogIn['grant'],
  ): Promise<SelectedCredentials | BrokerError> {
    const selected = await select(options, grant);
    const isMove =
      !(selected instanceof BrokerError) && isOtherUser(item, userKey(ports.tokenUrl, selected.credentials.username));
    return isMove ? selectLost({ item, isVerification: true, signal: options.late }) : selected;
  }
}

type UntimedOrder = Omit<LoginOrder, 'isBackground' | 'deadlineMs'>;

/**
 * The refresh token goes out in place of the password if it is of the same user and the same version of the secret. One that
 * is not is left out of the item, so that the claim drops it.
 */
function orderOf(order: UntimedOrder, { grant, passwordBlock }: LogIn): UntimedOrder | BrokerError {
  const { refreshToken, ...rest } = order.item;
  const isOurs = refreshToken?.versionId === order.credentials.versionId && rest.tokenUser === rest.userKey;
  if (grant === 'refresh_token' && refreshToken !== undefined && isOurs && order.newUser === undefined) {
    return { ...order, refreshToken: refreshToken.text };
  }
  return passwordBlock ?? { ...order, item: isOurs ? order.item : rest };
}

/** Calls that joined do not wait for a login if they can be served without it, or if it only probes. */
function announce({ request, snapshot }: TurnOptions, probed: BrokerError | undefined): void {
  if (snapshot.current !== undefined || probed !== undefined) {
    request.announce?.(resultOf(snapshot, probed));
  }
}

/** The order with its times; or what comes in its place, because too little time is left. */
function timedOrder(
  clock: Clock,
  { request, snapshot }: TurnOptions,
  order: UntimedOrder,
  decision: LogIn,
): LoginOrder | Turn {
  const leftMs = request.remaining();
  if (leftMs < loginNeedsMs) {
    return new BrokerError('deadline', 'too little time was left to claim');
  }
  if (!isSteady(clock, snapshot.seen)) {
    return { againAt: clock.now() };
  }
  const { isBackground, isPatient } = decision;
  const patient = isPatient && { patientMs: patientLimitMs(leftMs) };
  const timed = { ...order, isBackground, deadlineMs: loginLimitMs(leftMs), ...patient };
  return isBackground ? backgroundOrder(clock, snapshot, timed) : timed;
}

function turnAfter(
  { clock, loginBudget, observe }: AccountPorts,
  { request: { goal }, snapshot }: TurnOptions,
  end: LeasedLoginEnd,
): Turn {
  switch (end.kind) {
    case 'issued':
      if (isHalfUsed(snapshot.item.logins, budgetFor(loginBudget, snapshot.item.lifetimeMs), clock.now())) {
        observe({ kind: 'budget_half_used' });
      }
      return end.result;
    case 'failed':
      return end.error;
    case 'lost':
      return needsHolder(snapshot, goal)
        ? { againAt: Number.POSITIVE_INFINITY, isCrowded: end.isCrowded }
        : resultOf(snapshot, leaveToHolder(goal).failure);
    case 'rejected':
    case 'withheld':
      return { againAt: clock.now() };
  }
}

/** How long the connection may take: its caller may have a token, and has waited long if the renewal before it failed. */
function connectMs({ request, snapshot }: TurnOptions, { isBackground }: LogIn): number {
  const longestMs = isBackground && snapshot.item.renewAt === undefined ? backgroundMs : longestConnectMs;
  return Math.min(longestMs, request.remaining() - loginNeedsMs);
}

function isOtherUser({ userKey: user }: Item, key: string): boolean {
  return user !== undefined && user !== key;
}

/** A renewal ahead of need: it is cut short, unless the one before it failed, and must not outlive the stored token. */
function backgroundOrder(clock: Clock, { item, current, ...snapshot }: Snapshot, order: LoginOrder): LoginOrder | Turn {
  const isFirst = item.renewAt === undefined && !item.isSlow && item.sends.length === 0;
  const { deadlineMs, patientMs = deadlineMs } = order;
  const longestMs = isFirst ? Math.min(clockToleranceMs + backgroundMs, deadlineMs) : patientMs;
  if (!outlives(clock, current, longestMs)) {
    return resultOf({ ...snapshot, current }, isFirst ? undefined : renewalFailure(item));
  }
  return isFirst ? { ...order, cutAfterSendMs: backgroundMs } : order;
}

/** Whether the stored token can still be served if a login of this length fails. */
function outlives(clock: Clock, current: Token | undefined, loginMs: number): boolean {
  return current !== undefined && servableUntil(current) >= clock.now() + loginMs + settleReserveMs;
}

/** Tells all environments that no connection can be made. Nothing was sent, so no lease is needed for that. */
async function shareFailure(
  { clock, table, random, observe, renewWith }: AccountPorts,
  { snapshot: { item, seen }, late }: TurnOptions,
  failed: FailedLogin,
  { isBackground, grant }: LogIn,
): Promise<BrokerError> {
  const at = timeSince(clock, seen);
  observe({ kind: 'login', outcome: failed.answer, ms: 0, ...(renewWith === 'refresh_token' && { grant }) });
  observe({ kind: 'failed', code: failed.error.code });
  const unreachable = unreachableOf(item, { failed, at, random: random() }, isBackground);
  await table.write(unreachable, late).catch(() => false);
  return errorUntil(failed.error, unreachable.backoff.retryAt - at);
}

function closeUnused(connecting: Promise<LoginConnection | FailedLogin> | undefined): void {
  const close = (connection: LoginConnection | FailedLogin) => connection.kind === 'connected' && connection.close();
  void connecting?.then(close, () => {});
}

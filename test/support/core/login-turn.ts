// One try to log in at noon, in a world that the test describes. Used by test/unit/lambda/broker/login/login-turn*.test.ts.
import type { Decision } from '../../../lambda/broker/decide.ts';
import { type Item, userKey } from '../../../lambda/broker/item.ts';
import { createLocalState } from '../../../lambda/broker/local-state.ts';
import type { FailedLogin, LoginOutcome } from '../../../lambda/broker/login/login-outcome.ts';
import { createLoginTurn, type TurnOptions } from '../../../lambda/broker/login/login-turn.ts';
import type { AccountPorts } from '../../../lambda/broker/ports.ts';
import type { RefreshGoal, RefreshResult } from '../../../lambda/broker/refresh.ts';
import type { Token } from '../../../lambda/broker/token.ts';
import { createVirtualClock, settle } from '../virtual-clock.ts';
import { answeredTable, answeringConnection, portsWith, type TableAnswer } from './account-ports.ts';
import { credentials, itemWith, noon } from './login-order.ts';

type LogIn = Extract<Decision, { kind: 'log-in' }>;

/** What differs from a call that waits for a token of an account that logs in for the first time. */
export interface TurnScene {
  readonly item?: Partial<Item>;
  /** The account never had a user. */
  readonly isUnbound?: boolean;
  readonly current?: Token;
  readonly goal?: Partial<RefreshGoal>;
  readonly decision?: Partial<LogIn>;
  /** Whether other calls can join this one. @default true */
  readonly isJoinable?: boolean;
  /** What the invocation has left at noon. Milliseconds. */
  readonly leftMs?: number;
  readonly connectMs?: number;
  readonly secretMs?: number;
  readonly unconnected?: FailedLogin;
  readonly outcome?: LoginOutcome;
  readonly answerMs?: number;
  readonly answers?: readonly TableAnswer[];
  /** How far the wall clock is off since noon. Milliseconds. */
  readonly jumpMs?: number;
  readonly ports?: Partial<AccountPorts>;
}

/** `userKey` of the credentials. The account is bound to it, if the item does not say otherwise. */
export const ownUser = userKey('https://fegora.invalid/token', credentials.username);

export const issued: LoginOutcome = { kind: 'issued', accessToken: 'new-token', lifetimeMs: 3_600_000 };

/** The parts of one turn, the functions under test, and what the turn did: its `steps` are in their order. */
export function turnScene(scene: TurnScene = {}) {
  const virtual = createVirtualClock(noon);
  const { clock, pending } = countedClock(virtual, scene.jumpMs ?? 0);
  const { table, claims, writes, written } = answeredTable(clock, scene.answers);
  const { connection, used } = answeringConnection(virtual, scene.outcome ?? issued, scene.answerMs ?? 500);
  const steps: string[] = [];
  const connecting: AbortSignal[] = [];
  const claim: typeof table.claim = (...asked) => {
    steps.push('claim');
    return table.claim(...asked);
  };
  const { ports, observed } = portsWith({
    clock,
    table: { ...table, claim },
    login: async (signal) => {
      steps.push('connect');
      connecting.push(signal);
      await virtual.sleep(scene.connectMs ?? 0, signal);
      return scene.unconnected ?? connection;
    },
    ...scene.ports,
    readCredentials: async (asked) => {
      steps.push(asked.past ? 'secret past the cache' : 'secret');
      await virtual.sleep(scene.secretMs ?? 0);
      return (await scene.ports?.readCredentials?.(asked)) ?? credentials;
    },
  });
  const state = createLocalState();
  const announced: RefreshResult[] = [];
  const options = optionsOf(scene, () => (scene.leftMs ?? 25_000) - virtual.monotonic(), announced);
  const decision: LogIn = {
    ...{ kind: 'log-in' as const, isForced: false, isBackground: false, isPatient: false, probed: undefined },
    ...{ grant: 'password' as const, passwordBlock: undefined },
    ...scene.decision,
  };
  const { select, logInOnce } = createLoginTurn(ports, state);
  const turn = () => virtual.until(logInOnce(options, decision));
  const noted = { steps, connecting, used, claims, writes, written, observed, announced, pending };
  return { ...noted, clock: virtual, state, options, select: () => virtual.until(select(options)), turn };
}

function optionsOf(scene: TurnScene, remaining: () => number, announced: RefreshResult[]): TurnOptions {
  const user = scene.isUnbound ? {} : { userKey: ownUser };
  const item = itemWith({ revision: 7, generation: 4, ...user, ...scene.item });
  const goal: RefreshGoal = { kind: 'serve', minValidityMs: 0, ...scene.goal };
  const announce = scene.isJoinable !== false && { announce: (result: RefreshResult) => void announced.push(result) };
  return {
    request: { goal, remaining, until: 24_500, ...announce },
    snapshot: { item, seen: { wall: noon, monotonic: 0 }, current: scene.current, generation: item.generation },
    late: new AbortController().signal,
  };
}

/** A clock that counts its timers that have not ended. */
function countedClock(virtual: ReturnType<typeof createVirtualClock>, jumpMs: number) {
  let running = 0;
  const clock = virtual.shifted(() => jumpMs);
  const sleep: typeof clock.sleep = async (ms, signal) => {
    running += 1;
    await clock.sleep(ms, signal);
    running -= 1;
  };
  const pending = async () => {
    await settle();
    return running;
  };
  return { clock: { ...clock, sleep }, pending };
}

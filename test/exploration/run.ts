import type { Login } from '../../lambda/broker/ports.ts';
import { fingerprint } from '../../lambda/broker/token.ts';
import type { ErrorCode } from '../../lambda/errors.ts';
import { createEnvironment, type ExecutionEnvironment, type Taxpayer } from './environment.ts';
import type { Deviation, Plan } from './fault-plan.ts';
import { createFegoraModel } from './fegora-model.ts';
import { createJudge } from './oracle.ts';
import { createChance } from './random.ts';
import { createUniverse, type Host, settle, type Universe } from './simulation.ts';
import { createTableLink, type TableLink, type Tamper } from './table-link.ts';

/** How the broker is weakened, to see whether a run notices. */
export interface Sabotage {
  readonly tamper?: Tamper;
  readonly tamperLogin?: (login: Login) => Login;
  /** Whether the table's answers lack the time. */
  readonly isTimeless?: boolean;
}

export interface Verdict {
  readonly violations: readonly string[];
  readonly lines: readonly string[];
  readonly logins: number;
  /** How often Fegora was at work on two logins although our side had ended the first. */
  readonly overlapsInside: number;
  /** Steps until the callers were done. */
  readonly steps: number;
}

const account = 'a';
/** How far the wall clocks of the three environments are from true time; the table's is true. Milliseconds. */
const offsetsMs = [-1000, 0, 1000];
const preludeMs = { window: 82_000, expired: 125_000, locked: 125_000, rejected: 5000 };
const slowMs = 30_000;
const lastingMs = 45_000;
const thinkMs = 3000;
const restartMs = 500;
const mostSteps = 10_000;
/** As far back as a reader wants to go. */
const mostLines = 150;
const invocationMs = 25_000;
/** The longest hold that a failure in these runs leaves behind is five minutes. */
const healedMs = 6.5 * 60_000;

interface Ticket {
  readonly host: Host;
  readonly since: number;
  wasFrozen: boolean;
}

interface Scene extends Taxpayer {
  readonly plan: Plan;
  readonly universe: Universe;
  readonly table: TableLink;
  readonly environments: ExecutionEnvironment[];
  /** Invocations that have not been answered. */
  readonly waiting: Set<Ticket>;
  /** Starts a process in the place of one of the three. */
  readonly begin: (index: number) => ExecutionEnvironment;
  areCalling: boolean;
  steps: number;
  /** Fingerprint of the token that callers report. */
  rejected: string | undefined;
}

/** Runs a plan, from the beginning of its scenario to the recovery from all that was done. */
export async function run(plan: Plan, sabotage: Sabotage = {}): Promise<Verdict> {
  const scene = createScene(plan, sabotage);
  const { universe, judge } = scene;
  await prelude(scene);
  const steps = await act(scene);
  if (judge.violations.length === 0) {
    await recover(scene);
  }
  return {
    violations: judge.violations,
    lines: universe.lines(),
    logins: judge.count(),
    overlapsInside: judge.overlapsInside(),
    steps,
  };
}

/** Runs a plan that must go well. Throws what went wrong with all the steps to it. */
export async function runWell(plan: Plan, sabotage: Sabotage = {}): Promise<Verdict> {
  const verdict = await run(plan, sabotage);
  if (verdict.violations.length > 0) {
    const steps = verdict.lines.slice(-mostLines);
    throw new Error([...verdict.violations, JSON.stringify(plan), ...steps].join('\n'));
  }
  return verdict;
}

function createScene(plan: Plan, { tamper, tamperLogin, isTimeless }: Sabotage): Scene {
  const universe = createUniverse();
  const judge = createJudge(universe, { account, serverIsBounded: plan.scenario !== 'slow' });
  const fegora = createFegoraModel(universe, judge, 'right');
  const taxpayer: Taxpayer = { account, judge, fegora, secret: { versionId: 'v1', password: 'right' } };
  const options = { ...(tamper && { tamper }), tellsTime: isTimeless !== true };
  const table = createTableLink(universe, new Map([[account, judge]]), options);
  const environments: ExecutionEnvironment[] = [];
  const taxpayers = new Map([[account, taxpayer]]);
  const random = createChance(plan.order + 1);
  const parts = { universe, table, taxpayers, random, ...(tamperLogin && { tamperLogin }) };
  let births = 0;
  const begin = (index: number) => {
    births += 1;
    const host = universe.host(`E${index + 1}.${births}`, offsetsMs[index] ?? 0);
    const environment = createEnvironment(parts, host);
    environments[index] = environment;
    return environment;
  };
  const state = { waiting: new Set<Ticket>(), areCalling: true, steps: 0, rejected: undefined };
  return { plan, universe, table, environments, begin, ...taxpayer, ...state };
}

/** Brings the world to where the scenario begins. */
async function prelude(scene: Scene): Promise<void> {
  const { universe, fegora, secret, begin } = scene;
  const { scenario } = scene.plan;
  const first = begin(0);
  if (scenario === 'refused') {
    secret.password = 'wrong';
  } else if (scenario === 'slow') {
    fegora.workMs = slowMs;
  } else if (scenario !== 'cold') {
    void ask(scene, first);
    await idle(scene, preludeMs[scenario]);
    begin(0);
  }
  if (scenario === 'locked') {
    fegora.password = 'another';
  }
  scene.rejected = scenario === 'rejected' ? storedFingerprint(scene) : undefined;
  begin(1);
  begin(2);
  universe.log(`the scenario begins: ${scenario}`);
}

/** Lets the callers call and the plan happen. The number of steps it took. */
async function act(scene: Scene): Promise<number> {
  const { plan, universe, judge, environments } = scene;
  const pick = createChance(plan.order);
  const turns = [...plan.turns];
  const until = universe.now() + lastingMs;
  for (const index of environments.keys()) {
    call(scene, index);
  }
  await settle();
  let steps = 0;
  let since = 0;
  while (universe.now() < until && judge.violations.length === 0) {
    const turn = turns[0];
    if (turn !== undefined && since >= turn.after) {
      turns.shift();
      since = 0;
      await deviate(scene, turn.what);
      await settle();
    } else {
      await step(scene, plan.order === 0 ? 0 : pick());
      since += 1;
      steps += 1;
    }
  }
  scene.areCalling = false;
  return steps;
}

/** A run that goes round in circles without time going by has to end, too. */
async function step(scene: Scene, pick: number): Promise<void> {
  const { universe, judge } = scene;
  scene.steps += 1;
  if (scene.steps > mostSteps) {
    judge.accuse('busy without end');
    throw new Error('busy without end');
  }
  const message = universe.messages[Math.floor(pick * universe.messages.length)];
  await (message === undefined ? universe.pass() : universe.deliver(message));
}

async function idle(scene: Scene, ms: number): Promise<void> {
  const { universe } = scene;
  const until = universe.now() + ms;
  universe.after(ms, () => {});
  await settle();
  while (universe.now() < until) {
    await step(scene, 0);
  }
}

/** A caller that asks again and again, of whatever process stands in that place. */
function call(scene: Scene, index: number): void {
  const { universe, environments, areCalling, rejected } = scene;
  const environment = environments[index];
  if (areCalling && environment !== undefined) {
    if (environment.host.state() === 'running') {
      void ask(scene, environment, rejected);
    }
    universe.after(thinkMs, () => call(scene, index));
  }
}

function ask(scene: Scene, environment: ExecutionEnvironment, rejected?: string): Promise<'served' | ErrorCode> {
  const { host } = environment;
  const ticket = { host, since: scene.universe.now(), wasFrozen: false };
  scene.waiting.add(ticket);
  const answer = environment.ask(account, rejected === undefined ? {} : { rejected });
  void answer.then(() => {
    scene.waiting.delete(ticket);
    const tookMs = scene.universe.now() - ticket.since;
    if (tookMs >= invocationMs && !ticket.wasFrozen) {
      scene.judge.accuse(`${host.name} answered after ${tookMs} ms`);
    }
  });
  return answer;
}

async function deviate(scene: Scene, what: Deviation): Promise<void> {
  const { universe, environments, fegora } = scene;
  switch (what.kind) {
    case 'kill':
      return kill(scene, what.env);
    case 'stop':
    case 'doze':
    case 'suspend':
      return freeze(scene, what);
    case 'jump':
      return environments[what.env]?.host.jump(what.ms);
    case 'lose':
    case 'first':
    case 'hold':
      return await meddle(universe, what);
    case 'mood':
      universe.log(`* the next login goes ${what.mood}`);
      fegora.moods.push(what.mood);
      return;
    case 'work':
      universe.log(`* Fegora takes ${what.ms} ms for a login`);
      fegora.workMs = what.ms;
      return;
    case 'change':
      universe.log("* Fegora's password becomes another");
      fegora.password = fegora.password === 'right' ? 'another' : 'right';
      return;
    case 'rotate':
      return rotate(scene);
    default:
      return operate(scene, what);
  }
}

function kill({ universe, judge, environments, waiting, begin }: Scene, index: number): void {
  const host = environments[index]?.host;
  if (host === undefined || host.state() === 'dead') {
    return;
  }
  host.kill();
  judge.bereave(host);
  for (const ticket of waiting) {
    if (ticket.host === host) {
      waiting.delete(ticket);
    }
  }
  universe.after(restartMs, () => {
    begin(index);
  });
}

type Freeze = Extract<Deviation, { kind: 'stop' | 'doze' | 'suspend' }>;

function freeze({ universe, judge, environments, waiting }: Scene, { kind, env, ms }: Freeze): void {
  const host = environments[env]?.host;
  if (host?.state() !== 'running') {
    return;
  }
  host.freeze(kind === 'suspend' ? 'suspended' : 'stopped');
  judge.excuse(host, 'its holder was frozen');
  for (const ticket of waiting) {
    ticket.wasFrozen ||= ticket.host === host;
  }
  universe.after(ms, () => host.thaw(kind === 'doze' ? 'arrivals' : 'timers'));
}

type Meddling = Extract<Deviation, { nth: number }>;

async function meddle(universe: Universe, what: Meddling): Promise<void> {
  const { messages } = universe;
  const message = messages[what.nth % Math.max(1, messages.length)];
  if (message === undefined) {
    return;
  }
  if (what.kind === 'first') {
    await universe.deliver(message);
  } else {
    universe.lose(message);
  }
  if (what.kind === 'hold' && message.latest === undefined) {
    universe.log(`  … for ${what.ms} ms only`);
    universe.after(what.ms, () => universe.send(message));
  }
}

function rotate({ universe, fegora, secret }: Scene): void {
  secret.versionId = `v${Number(secret.versionId.slice(1)) + 1}`;
  secret.password = fegora.password;
  universe.log(`* the secret becomes ${secret.versionId}, with Fegora's password`);
}

type Operation = Extract<Deviation, { kind: 'warm' | 'verify' | 'report' | 'purge' | 'clear-rejection' }>;

function operate(scene: Scene, { kind, env }: Operation): void {
  const { universe, environments } = scene;
  const environment = environments[env];
  if (environment?.host.state() !== 'running') {
    return;
  }
  universe.log(`* ${environment.host.name} is asked to ${kind}`);
  const endsAt = universe.now() + invocationMs;
  const remaining = () => endsAt - universe.now();
  if (kind === 'report') {
    void ask(scene, environment, storedFingerprint(scene));
  } else if (kind === 'purge' || kind === 'clear-rejection') {
    environment.broker.amend(account, kind, remaining).catch(() => {});
  } else if (kind === 'warm') {
    environment.broker.warm(account, remaining).catch(() => {});
  } else {
    environment.broker.verify(account, remaining).catch(() => {});
  }
}

/** Mends everything and waits out whatever hold may stand: then a login has to succeed. */
async function recover(scene: Scene): Promise<void> {
  const { universe, judge, fegora, environments, waiting, begin } = scene;
  universe.log('all is mended');
  for (const { host } of environments) {
    await host.thaw('timers');
    host.jump(-host.offset());
  }
  fegora.workMs = 300;
  fegora.moods.length = 0;
  rotate(scene);
  await idle(scene, invocationMs);
  for (const { host } of waiting) {
    judge.accuse(`${host.name} never answered`);
  }
  await idle(scene, healedMs);
  const answer = ask(scene, begin(0));
  let isServed = false;
  void answer.then((end) => {
    isServed = end === 'served';
  });
  await idle(scene, invocationMs);
  if (!isServed) {
    judge.accuse('no token although all has been well for minutes');
  }
}

function storedFingerprint({ table }: Scene): string {
  const { access_token: stored } = table.rows.get(account) ?? {};
  return fingerprint(stored?.S ?? '');
}

import type { Amendment, Observation, Remaining } from '../../lambda/broker/ports.ts';
import { fingerprint } from '../../lambda/broker/token.ts';
import { createEnvironment, type ExecutionEnvironment, type SimulatedAccount } from '../exploration/environment.ts';
import { createFegoraModel } from '../exploration/fegora-model.ts';
import { createOracle, type Oracle } from '../exploration/oracle.ts';
import { createRandom } from '../exploration/random.ts';
import { createSimulation, type Host, settle, type Simulation } from '../exploration/simulation.ts';
import { createTableLink, type TableLink } from '../exploration/table-link.ts';
import { badBehaviors, createDice, type Dice, fairWeather, type Weather } from './conditions.ts';

/** What became of all that was asked, and what was done to the world meanwhile. */
export interface SoakReport {
  readonly violations: readonly string[];
  /** The latest of what happened. */
  readonly lines: readonly string[];
  readonly asked: number;
  readonly served: number;
  /** Answers that were errors, by code. */
  readonly errors: ReadonlyMap<string, number>;
  readonly logins: number;
  /** What was done to the world, by name. */
  readonly faults: ReadonlyMap<string, number>;
}

const accounts = ['25365421', '43430775', '90210001'] as const;
const offsetsMs = [-1000, -300, 400, 1000];
const invocationMs = 25_000;
const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
/** Passwords and tokens of this world; neither may show anywhere but where they belong. */
const canary = /not-a-real-password|token \d+ of/;

interface PendingCall {
  readonly host: Host;
  readonly since: number;
  wasFrozen: boolean;
}

/** A process, and what has been done to its clocks. */
interface Node {
  environment: ExecutionEnvironment;
  wasSuspended: boolean;
}

interface Scene {
  readonly simulation: Simulation;
  readonly dice: Dice;
  readonly weather: Weather;
  readonly table: TableLink;
  readonly simulatedAccounts: ReadonlyMap<string, SimulatedAccount>;
  readonly nodes: Node[];
  readonly waiting: Set<PendingCall>;
  readonly begin: (index: number) => void;
  readonly tally: { asked: number; served: number; errors: Map<string, number>; faults: Map<string, number> };
  /** Of what is nobody's account. */
  readonly general: Oracle;
  /** Once aborted, nothing new is asked and nothing new goes wrong. */
  readonly over: AbortController;
}

/** Lets four environments serve three accounts for so many virtual minutes, through all that can go wrong. */
export async function soak({
  seed,
  minutes,
}: {
  readonly seed: number;
  readonly minutes: number;
}): Promise<SoakReport> {
  const scene = createScene(seed);
  const { simulation, simulatedAccounts, tally } = scene;
  const oracles = [scene.general, ...[...simulatedAccounts.values()].map(({ oracle }) => oracle)];
  const isWell = () => oracles.every(({ violations }) => violations.length === 0);
  startCallers(scene);
  startTrouble(scene);
  await runUntil(scene, simulation.now() + minutes * minuteMs, isWell);
  if (isWell()) {
    await recover(scene, isWell);
  }
  return {
    violations: oracles.flatMap(({ violations }) => violations),
    lines: simulation.lines(),
    logins: oracles.reduce((sum, { count }) => sum + count(), 0),
    ...tally,
  };
}

function createScene(seed: number): Scene {
  const simulation = createSimulation();
  const random = createRandom(seed);
  const dice = createDice(random);
  const weather = fairWeather();
  const general = createOracle(simulation, { account: 'all', serverIsBounded: true });
  const simulatedAccounts = new Map(accounts.map((account) => [account, createSimulatedAccount(simulation, general, account)]));
  const oracles = new Map([...simulatedAccounts].map(([account, { oracle }]) => [account, oracle]));
  const table = createTableLink(simulation, oracles, { tellsTime: true, trouble: () => troubleOf(scene) });
  const observe = (observation: Observation) => lookForCanary(general, 'an observation', JSON.stringify(observation));
  const parts = { simulation, table, simulatedAccounts, random, observe, isSecretDown: () => weather.isSecretDown };
  let births = 0;
  const begin = (index: number) => {
    births += 1;
    const host = simulation.host(`E${index + 1}.${births}`, offsetsMs[index] ?? 0);
    scene.nodes[index] = { environment: createEnvironment(parts, host), wasSuspended: false };
  };
  const tally = { asked: 0, served: 0, errors: new Map<string, number>(), faults: new Map<string, number>() };
  const waiting = new Set<PendingCall>();
  const world = { simulation, dice, weather, table, simulatedAccounts, general, waiting, begin, tally };
  const scene: Scene = { ...world, nodes: [], over: new AbortController() };
  for (const index of offsetsMs.keys()) {
    begin(index);
  }
  return scene;
}

function createSimulatedAccount(simulation: Simulation, general: Oracle, account: string): SimulatedAccount {
  const oracle = createOracle(simulation, { account, serverIsBounded: true });
  const password = 'not-a-real-password-1';
  return {
    account,
    fegora: createFegoraModel(simulation, oracle, password),
    secret: { versionId: 'v1', password },
    oracle: {
      ...oracle,
      failed: (host, thrown) => {
        lookForCanary(general, 'an error', String(thrown instanceof Error ? thrown.stack : thrown));
        oracle.failed(host, thrown);
      },
    },
  };
}

function lookForCanary(oracle: Oracle, where: string, text: string): void {
  if (canary.test(text)) {
    oracle.addViolation(`a secret shows in ${where}`);
  }
}

/** As the SDK's errors may, it quotes what was asked for. */
function troubleOf({ weather, table, dice }: Scene): Error | undefined {
  const message = JSON.stringify([...table.rows.values()].slice(0, 1));
  return weather.isTableDown && dice.chance(0.8)
    ? Object.assign(new Error(message), { name: dice.one(['InternalServerError', 'ThrottlingException']) })
    : undefined;
}

async function runUntil(scene: Scene, until: number, goesOn: () => boolean): Promise<void> {
  const { simulation, weather, dice } = scene;
  simulation.after(until - simulation.now(), () => {});
  await settle();
  while (simulation.now() < until && goesOn()) {
    const message = simulation.messages[0];
    if (message === undefined) {
      await simulation.pass();
    } else if (dice.chance(weather.lossShare)) {
      simulation.lose(message);
    } else {
      simulation.delay(message, Math.min(dice.between(2, weather.latencyMs), message.latest === undefined ? 1e9 : 400));
    }
  }
}

function startCallers(scene: Scene): void {
  const { simulation, dice, nodes } = scene;
  for (const index of nodes.keys()) {
    const again = () => {
      if (scene.over.signal.aborted) {
        return;
      }
      const minValidityMs = dice.chance(0.1) ? dice.spread(secondMs, 12 * hourMs) : 0;
      ask(scene, index, { account: dice.one(accounts), minValidityMs });
      simulation.after(dice.between(secondMs, 30 * secondMs), again);
    };
    simulation.after(dice.between(0, 5000), again);
  }
}

interface Asked {
  readonly account: string;
  readonly minValidityMs?: number;
  readonly rejected?: string;
}

function ask(scene: Scene, index: number, { account, ...request }: Asked): void {
  const environment = scene.nodes[index]?.environment;
  if (environment?.host.state() !== 'running') {
    return;
  }
  const { tally } = scene;
  tally.asked += 1;
  void inTime(scene, environment.host, environment.ask(account, request)).then((end) => {
    tally.served += end === 'served' ? 1 : 0;
    addTo(tally.errors, end);
  });
}

/** Every answer has to come, and within the invocation unless the process was frozen meanwhile. */
async function inTime<T>({ simulation, waiting, general }: Scene, host: Host, answer: Promise<T>): Promise<T> {
  const call = { host, since: simulation.now(), wasFrozen: false };
  waiting.add(call);
  try {
    return await answer;
  } finally {
    waiting.delete(call);
    const tookMs = simulation.now() - call.since;
    if (tookMs >= invocationMs && !call.wasFrozen) {
      general.addViolation(`${host.name} answered after ${tookMs} ms`);
    }
  }
}

function addTo(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Operators, schedules and events; whatever comes of it is an answer. */
function operate(scene: Scene, work: (environment: ExecutionEnvironment, remaining: Remaining) => Promise<unknown>) {
  const { simulation, dice, nodes } = scene;
  const environment = nodes[dice.between(0, nodes.length - 1)]?.environment;
  if (environment?.host.state() === 'running') {
    const endsAt = simulation.now() + invocationMs;
    const done = work(environment, () => endsAt - simulation.now()).catch(() => {});
    void inTime(scene, environment.host, done);
  }
}

function amend(scene: Scene, account: string, amendment: Amendment): void {
  operate(scene, ({ broker }, remaining) => broker.amend(account, amendment, remaining));
}

/** Starts everything that happens again and again: its name, how often at most and at least, and what it does. */
function startTrouble(scene: Scene): void {
  const { simulation, dice, tally } = scene;
  for (const [name, leastMs, mostMs, happen] of troubles) {
    const again = () => {
      if (scene.over.signal.aborted) {
        return;
      }
      addTo(tally.faults, name);
      simulation.log(`* ${name}`);
      happen(scene);
      simulation.after(dice.spread(leastMs, mostMs), again);
    };
    simulation.after(dice.spread(leastMs, mostMs), again);
  }
}

type Trouble = readonly [name: string, leastMs: number, mostMs: number, happen: (scene: Scene) => void];

const troubles: readonly Trouble[] = [
  ['storm', 2 * minuteMs, 20 * minuteMs, storm],
  ['table down', 10 * minuteMs, 90 * minuteMs, tableDown],
  ['secrets down', 10 * minuteMs, 90 * minuteMs, secretsDown],
  ['Fegora in a bad behavior', 3 * minuteMs, 30 * minuteMs, failLogins],
  ['Fegora slow', 5 * minuteMs, 60 * minuteMs, slowness],
  ['another lifetime', 30 * minuteMs, 5 * hourMs, otherLifetime],
  ['freeze', 10 * secondMs, 3 * minuteMs, freeze],
  ['kill', minuteMs, 15 * minuteMs, kill],
  ['jump', minuteMs, 10 * minuteMs, jump],
  ['password changed', hourMs, 10 * hourMs, changePassword],
  ['wrong rotation', 2 * hourMs, 12 * hourMs, rotateWrongly],
  ['lockout', 2 * hourMs, 10 * hourMs, lockOut],
  ['report', 20 * secondMs, 5 * minuteMs, report],
  ['all tokens killed', hourMs, 6 * hourMs, reportEverywhere],
  ['label event', 10 * minuteMs, 2 * hourMs, labelEvent],
  ['warm-up', 3 * minuteMs, 5 * minuteMs, warmUp],
  ['purge', hourMs, 5 * hourMs, (scene) => amend(scene, scene.dice.one(accounts), 'purge')],
  ['clear-rejection', hourMs, 6 * hourMs, (scene) => amend(scene, scene.dice.one(accounts), 'clear-rejection')],
  ['pause', hourMs, 6 * hourMs, pause],
];

function storm({ simulation, dice, weather }: Scene): void {
  Object.assign(weather, { lossShare: 0.15, latencyMs: dice.one([400, 1500, 2500]) });
  const { lossShare, latencyMs } = fairWeather();
  simulation.after(dice.spread(3 * secondMs, minuteMs), () => void Object.assign(weather, { lossShare, latencyMs }));
}

function tableDown({ simulation, dice, weather }: Scene): void {
  weather.isTableDown = true;
  simulation.after(dice.spread(2 * secondMs, 3 * minuteMs), () => {
    weather.isTableDown = false;
  });
}

function secretsDown({ simulation, dice, weather }: Scene): void {
  weather.isSecretDown = true;
  simulation.after(dice.spread(5 * secondMs, 20 * minuteMs), () => {
    weather.isSecretDown = false;
  });
}

function anyAccount({ simulatedAccounts, dice }: Scene): SimulatedAccount {
  const simulatedAccount = simulatedAccounts.get(dice.one(accounts));
  if (simulatedAccount === undefined) {
    throw new Error('no such account');
  }
  return simulatedAccount;
}

function failLogins(scene: Scene): void {
  const { simulation, dice } = scene;
  const { fegora } = anyAccount(scene);
  fegora.behavior = dice.one(badBehaviors);
  simulation.after(dice.spread(2 * secondMs, 20 * minuteMs), () => {
    fegora.behavior = 'normal';
  });
}

function slowness(scene: Scene): void {
  const { simulation, dice } = scene;
  const { fegora } = anyAccount(scene);
  fegora.workMs = dice.one([2500, 7000, 12_000]);
  simulation.after(dice.spread(5 * secondMs, 5 * minuteMs), () => {
    fegora.workMs = 300;
  });
}

function otherLifetime(scene: Scene): void {
  anyAccount(scene).fegora.lifetimeMs = scene.dice.one([30 * secondMs, 2 * minuteMs, 30 * minuteMs, 2 * hourMs]);
}

function anyNode({ nodes, dice }: Scene): [number, Node] {
  const index = dice.between(0, nodes.length - 1);
  const node = nodes[index];
  if (node === undefined) {
    throw new Error('no such environment');
  }
  return [index, node];
}

/** Where the wall clock is set back, nothing may stop the monotonic one too: nobody could tell that time went by. */
function freeze(scene: Scene): void {
  const { simulation, dice, waiting, simulatedAccounts } = scene;
  const [index, node] = anyNode(scene);
  const { host } = node.environment;
  if (host.state() !== 'running') {
    return;
  }
  const suspends = dice.chance(0.4) && host.offset() >= (offsetsMs[index] ?? 0);
  node.wasSuspended ||= suspends;
  host.freeze(suspends ? 'suspended' : 'stopped');
  for (const call of waiting) {
    call.wasFrozen ||= call.host === host;
  }
  for (const { oracle } of simulatedAccounts.values()) {
    oracle.excuse(host, 'its holder was frozen');
  }
  const first = dice.chance(0.5) ? 'timers' : 'arrivals';
  simulation.after(dice.spread(300, minuteMs), () => host.thaw(first));
}

function kill(scene: Scene): void {
  const { simulation, dice, waiting, simulatedAccounts, begin } = scene;
  const [index, { environment }] = anyNode(scene);
  const { host } = environment;
  if (host.state() === 'dead') {
    return;
  }
  host.kill();
  for (const { oracle } of simulatedAccounts.values()) {
    oracle.hostDied(host);
  }
  for (const call of waiting) {
    if (call.host === host) {
      waiting.delete(call);
    }
  }
  simulation.after(dice.between(100, 3000), () => begin(index));
}

/** A clock that was set wrong is put right after a while. */
function jump(scene: Scene): void {
  const { simulation, dice } = scene;
  const [, node] = anyNode(scene);
  const { host } = node.environment;
  const ms = dice.spread(6 * secondMs, 3 * hourMs) * (node.wasSuspended || dice.chance(0.5) ? 1 : -1);
  if (host.state() !== 'dead') {
    host.jump(ms);
    simulation.after(dice.spread(5 * secondMs, 10 * minuteMs), () => host.jump(-ms));
  }
}

function newPassword({ dice }: Scene): string {
  return `not-a-real-password-${dice.between(2, 1e9)}`;
}

function putVersion({ secret }: SimulatedAccount, password: string): void {
  secret.versionId = `v${Number(secret.versionId.slice(1)) + 1}`;
  secret.password = password;
}

function changePassword(scene: Scene): void {
  const simulatedAccount = anyAccount(scene);
  simulatedAccount.fegora.password = newPassword(scene);
  putRight(scene, simulatedAccount);
}

function rotateWrongly(scene: Scene): void {
  const simulatedAccount = anyAccount(scene);
  putVersion(simulatedAccount, newPassword(scene));
  putRight(scene, simulatedAccount);
}

function putRight(scene: Scene, simulatedAccount: SimulatedAccount): void {
  const { simulation, dice } = scene;
  simulation.after(dice.spread(secondMs, hourMs), () => {
    simulation.log(`* the secret of ${simulatedAccount.account} is put right`);
    putVersion(simulatedAccount, simulatedAccount.fegora.password);
    for (let times = dice.between(0, 3); times > 0; times -= 1) {
      operate(scene, ({ broker }, remaining) => broker.verify(simulatedAccount.account, remaining));
    }
  });
}

/** Fegora refuses the right password for a while. */
function lockOut(scene: Scene): void {
  const { simulation, dice } = scene;
  const { fegora } = anyAccount(scene);
  const { password } = fegora;
  const locked = newPassword(scene);
  fegora.password = locked;
  simulation.after(dice.spread(minuteMs, 2 * hourMs), () => {
    fegora.password = fegora.password === locked ? password : fegora.password;
  });
}

function storedFingerprint({ table }: Scene, account: string): string {
  return fingerprint(table.rows.get(account)?.access_token?.S ?? '');
}

function report(scene: Scene): void {
  const { dice, nodes } = scene;
  const account = dice.one(accounts);
  const rejected = dice.chance(0.5) ? storedFingerprint(scene, account) : fingerprint('an older one');
  ask(scene, dice.between(0, nodes.length - 1), { account, rejected });
}

function reportEverywhere(scene: Scene): void {
  const account = scene.dice.one(accounts);
  const rejected = storedFingerprint(scene, account);
  for (const index of scene.nodes.keys()) {
    ask(scene, index, { account, rejected });
  }
}

function labelEvent(scene: Scene): void {
  operate(scene, ({ broker }, remaining) => broker.verify(scene.dice.one(accounts), remaining));
}

function warmUp(scene: Scene): void {
  for (const account of accounts) {
    operate(scene, ({ broker }, remaining) => broker.warm(account, remaining));
  }
}

function pause(scene: Scene): void {
  const { simulation, dice } = scene;
  const account = dice.one(accounts);
  amend(scene, account, 'pause');
  const resume = () => {
    amend(scene, account, 'resume');
    // The first try may meet a process that is frozen, or a table that is down.
    if (scene.table.rows.get(account)?.paused !== undefined) {
      simulation.after(10 * secondMs, resume);
    }
  };
  simulation.after(dice.spread(10 * secondMs, 10 * minuteMs), resume);
}

/** Everything is put right; soon after, every account has to be served by an environment that knows nothing. */
async function recover(scene: Scene, goesOn: () => boolean): Promise<void> {
  const { simulation, weather, simulatedAccounts, nodes, waiting, general, begin } = scene;
  scene.over.abort();
  await runUntil(scene, simulation.now() + 2 * hourMs, goesOn);
  simulation.log('all is put right');
  Object.assign(weather, fairWeather(), { lossShare: 0 });
  for (const { environment } of nodes) {
    await environment.host.thaw('timers');
  }
  for (const simulatedAccount of simulatedAccounts.values()) {
    Object.assign(simulatedAccount.fegora, { behavior: 'normal', workMs: 300 });
    putVersion(simulatedAccount, simulatedAccount.fegora.password);
  }
  await runUntil(scene, simulation.now() + 10 * minuteMs, goesOn);
  for (const { host } of waiting) {
    general.addViolation(`${host.name} never answered`);
  }
  begin(0);
  const servedBefore = scene.tally.served;
  for (const account of accounts) {
    ask(scene, 0, { account });
  }
  await runUntil(scene, simulation.now() + invocationMs, goesOn);
  if (scene.tally.served - servedBefore !== accounts.length) {
    general.addViolation('no token although all has been well for minutes');
  }
}

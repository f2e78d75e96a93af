import type { Amendment, Observation, Remaining } from '../../lambda/broker/ports.ts';
import { fingerprint } from '../../lambda/broker/token.ts';
import { createEnvironment, type ExecutionEnvironment, type Taxpayer } from '../exploration/environment.ts';
import { createFegoraModel } from '../exploration/fegora-model.ts';
import { createJudge, type Judge } from '../exploration/oracle.ts';
import { createChance } from '../exploration/random.ts';
import { createUniverse, type Host, settle, type Universe } from '../exploration/simulation.ts';
import { createTableLink, type TableLink } from '../exploration/table-link.ts';
import { badMoods, createDice, type Dice, fairWeather, type Weather } from './conditions.ts';

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

interface Ticket {
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
  readonly universe: Universe;
  readonly dice: Dice;
  readonly weather: Weather;
  readonly table: TableLink;
  readonly taxpayers: ReadonlyMap<string, Taxpayer>;
  readonly nodes: Node[];
  readonly waiting: Set<Ticket>;
  readonly begin: (index: number) => void;
  readonly tally: { asked: number; served: number; errors: Map<string, number>; faults: Map<string, number> };
  /** Of what is nobody's account. */
  readonly general: Judge;
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
  const { universe, taxpayers, tally } = scene;
  const judges = [scene.general, ...[...taxpayers.values()].map(({ judge }) => judge)];
  const isWell = () => judges.every(({ violations }) => violations.length === 0);
  startCallers(scene);
  startTrouble(scene);
  await runUntil(scene, universe.now() + minutes * minuteMs, isWell);
  if (isWell()) {
    await recover(scene, isWell);
  }
  return {
    violations: judges.flatMap(({ violations }) => violations),
    lines: universe.lines(),
    logins: judges.reduce((sum, { count }) => sum + count(), 0),
    ...tally,
  };
}

function createScene(seed: number): Scene {
  const universe = createUniverse();
  const random = createChance(seed);
  const dice = createDice(random);
  const weather = fairWeather();
  const general = createJudge(universe, { account: 'all', serverIsBounded: true });
  const taxpayers = new Map(accounts.map((account) => [account, createTaxpayer(universe, general, account)]));
  const judges = new Map([...taxpayers].map(([account, { judge }]) => [account, judge]));
  const table = createTableLink(universe, judges, { tellsTime: true, trouble: () => troubleOf(scene) });
  const observe = (observation: Observation) => lookForCanary(general, 'an observation', JSON.stringify(observation));
  const parts = { universe, table, taxpayers, random, observe, isSecretDown: () => weather.isSecretDown };
  let births = 0;
  const begin = (index: number) => {
    births += 1;
    const host = universe.host(`E${index + 1}.${births}`, offsetsMs[index] ?? 0);
    scene.nodes[index] = { environment: createEnvironment(parts, host), wasSuspended: false };
  };
  const tally = { asked: 0, served: 0, errors: new Map<string, number>(), faults: new Map<string, number>() };
  const waiting = new Set<Ticket>();
  const world = { universe, dice, weather, table, taxpayers, general, waiting, begin, tally };
  const scene: Scene = { ...world, nodes: [], over: new AbortController() };
  for (const index of offsetsMs.keys()) {
    begin(index);
  }
  return scene;
}

function createTaxpayer(universe: Universe, general: Judge, account: string): Taxpayer {
  const judge = createJudge(universe, { account, serverIsBounded: true });
  const password = 'not-a-real-password-1';
  return {
    account,
    fegora: createFegoraModel(universe, judge, password),
    secret: { versionId: 'v1', password },
    judge: {
      ...judge,
      failed: (host, thrown) => {
        lookForCanary(general, 'an error', String(thrown instanceof Error ? thrown.stack : thrown));
        judge.failed(host, thrown);
      },
    },
  };
}

function lookForCanary(judge: Judge, where: string, text: string): void {
  if (canary.test(text)) {
    judge.accuse(`a secret shows in ${where}`);
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
  const { universe, weather, dice } = scene;
  universe.after(until - universe.now(), () => {});
  await settle();
  while (universe.now() < until && goesOn()) {
    const message = universe.messages[0];
    if (message === undefined) {
      await universe.pass();
    } else if (dice.chance(weather.lossShare)) {
      universe.lose(message);
    } else {
      universe.delay(message, Math.min(dice.between(2, weather.latencyMs), message.latest === undefined ? 1e9 : 400));
    }
  }
}

function startCallers(scene: Scene): void {
  const { universe, dice, nodes } = scene;
  for (const index of nodes.keys()) {
    const again = () => {
      if (scene.over.signal.aborted) {
        return;
      }
      const minValidityMs = dice.chance(0.1) ? dice.spread(secondMs, 12 * hourMs) : 0;
      ask(scene, index, { account: dice.one(accounts), minValidityMs });
      universe.after(dice.between(secondMs, 30 * secondMs), again);
    };
    universe.after(dice.between(0, 5000), again);
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
async function inTime<T>({ universe, waiting, general }: Scene, host: Host, answer: Promise<T>): Promise<T> {
  const ticket = { host, since: universe.now(), wasFrozen: false };
  waiting.add(ticket);
  try {
    return await answer;
  } finally {
    waiting.delete(ticket);
    const tookMs = universe.now() - ticket.since;
    if (tookMs >= invocationMs && !ticket.wasFrozen) {
      general.accuse(`${host.name} answered after ${tookMs} ms`);
    }
  }
}

function addTo(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Operators, schedules and events; whatever comes of it is an answer. */
function operate(scene: Scene, work: (environment: ExecutionEnvironment, remaining: Remaining) => Promise<unknown>) {
  const { universe, dice, nodes } = scene;
  const environment = nodes[dice.between(0, nodes.length - 1)]?.environment;
  if (environment?.host.state() === 'running') {
    const endsAt = universe.now() + invocationMs;
    const done = work(environment, () => endsAt - universe.now()).catch(() => {});
    void inTime(scene, environment.host, done);
  }
}

function amend(scene: Scene, account: string, amendment: Amendment): void {
  operate(scene, ({ broker }, remaining) => broker.amend(account, amendment, remaining));
}

/** Starts everything that happens again and again: its name, how often at most and at least, and what it does. */
function startTrouble(scene: Scene): void {
  const { universe, dice, tally } = scene;
  for (const [name, leastMs, mostMs, happen] of troubles) {
    const again = () => {
      if (scene.over.signal.aborted) {
        return;
      }
      addTo(tally.faults, name);
      universe.log(`* ${name}`);
      happen(scene);
      universe.after(dice.spread(leastMs, mostMs), again);
    };
    universe.after(dice.spread(leastMs, mostMs), again);
  }
}

type Trouble = readonly [name: string, leastMs: number, mostMs: number, happen: (scene: Scene) => void];

const troubles: readonly Trouble[] = [
  ['storm', 2 * minuteMs, 20 * minuteMs, storm],
  ['table down', 10 * minuteMs, 90 * minuteMs, tableDown],
  ['secrets down', 10 * minuteMs, 90 * minuteMs, secretsDown],
  ['Fegora in a bad mood', 3 * minuteMs, 30 * minuteMs, badMood],
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

function storm({ universe, dice, weather }: Scene): void {
  Object.assign(weather, { lossShare: 0.15, latencyMs: dice.one([400, 1500, 2500]) });
  const { lossShare, latencyMs } = fairWeather();
  universe.after(dice.spread(3 * secondMs, minuteMs), () => void Object.assign(weather, { lossShare, latencyMs }));
}

function tableDown({ universe, dice, weather }: Scene): void {
  weather.isTableDown = true;
  universe.after(dice.spread(2 * secondMs, 3 * minuteMs), () => {
    weather.isTableDown = false;
  });
}

function secretsDown({ universe, dice, weather }: Scene): void {
  weather.isSecretDown = true;
  universe.after(dice.spread(5 * secondMs, 20 * minuteMs), () => {
    weather.isSecretDown = false;
  });
}

function anyTaxpayer({ taxpayers, dice }: Scene): Taxpayer {
  const taxpayer = taxpayers.get(dice.one(accounts));
  if (taxpayer === undefined) {
    throw new Error('no such account');
  }
  return taxpayer;
}

function badMood(scene: Scene): void {
  const { universe, dice } = scene;
  const { fegora } = anyTaxpayer(scene);
  fegora.mood = dice.one(badMoods);
  universe.after(dice.spread(2 * secondMs, 20 * minuteMs), () => {
    fegora.mood = 'well';
  });
}

function slowness(scene: Scene): void {
  const { universe, dice } = scene;
  const { fegora } = anyTaxpayer(scene);
  fegora.workMs = dice.one([2500, 7000, 12_000]);
  universe.after(dice.spread(5 * secondMs, 5 * minuteMs), () => {
    fegora.workMs = 300;
  });
}

function otherLifetime(scene: Scene): void {
  anyTaxpayer(scene).fegora.lifetimeMs = scene.dice.one([30 * secondMs, 2 * minuteMs, 30 * minuteMs, 2 * hourMs]);
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
  const { universe, dice, waiting, taxpayers } = scene;
  const [index, node] = anyNode(scene);
  const { host } = node.environment;
  if (host.state() !== 'running') {
    return;
  }
  const suspends = dice.chance(0.4) && host.offset() >= (offsetsMs[index] ?? 0);
  node.wasSuspended ||= suspends;
  host.freeze(suspends ? 'suspended' : 'stopped');
  for (const ticket of waiting) {
    ticket.wasFrozen ||= ticket.host === host;
  }
  for (const { judge } of taxpayers.values()) {
    judge.excuse(host, 'its holder was frozen');
  }
  const first = dice.chance(0.5) ? 'timers' : 'arrivals';
  universe.after(dice.spread(300, minuteMs), () => host.thaw(first));
}

function kill(scene: Scene): void {
  const { universe, dice, waiting, taxpayers, begin } = scene;
  const [index, { environment }] = anyNode(scene);
  const { host } = environment;
  if (host.state() === 'dead') {
    return;
  }
  host.kill();
  for (const { judge } of taxpayers.values()) {
    judge.bereave(host);
  }
  for (const ticket of waiting) {
    if (ticket.host === host) {
      waiting.delete(ticket);
    }
  }
  universe.after(dice.between(100, 3000), () => begin(index));
}

/** A clock that was set wrong is put right after a while. */
function jump(scene: Scene): void {
  const { universe, dice } = scene;
  const [, node] = anyNode(scene);
  const { host } = node.environment;
  const ms = dice.spread(6 * secondMs, 3 * hourMs) * (node.wasSuspended || dice.chance(0.5) ? 1 : -1);
  if (host.state() !== 'dead') {
    host.jump(ms);
    universe.after(dice.spread(5 * secondMs, 10 * minuteMs), () => host.jump(-ms));
  }
}

function newPassword({ dice }: Scene): string {
  return `not-a-real-password-${dice.between(2, 1e9)}`;
}

function putVersion({ secret }: Taxpayer, password: string): void {
  secret.versionId = `v${Number(secret.versionId.slice(1)) + 1}`;
  secret.password = password;
}

function changePassword(scene: Scene): void {
  const taxpayer = anyTaxpayer(scene);
  taxpayer.fegora.password = newPassword(scene);
  putRight(scene, taxpayer);
}

function rotateWrongly(scene: Scene): void {
  const taxpayer = anyTaxpayer(scene);
  putVersion(taxpayer, newPassword(scene));
  putRight(scene, taxpayer);
}

function putRight(scene: Scene, taxpayer: Taxpayer): void {
  const { universe, dice } = scene;
  universe.after(dice.spread(secondMs, hourMs), () => {
    universe.log(`* the secret of ${taxpayer.account} is put right`);
    putVersion(taxpayer, taxpayer.fegora.password);
    for (let times = dice.between(0, 3); times > 0; times -= 1) {
      operate(scene, ({ broker }, remaining) => broker.verify(taxpayer.account, remaining));
    }
  });
}

/** Fegora refuses the right password for a while. */
function lockOut(scene: Scene): void {
  const { universe, dice } = scene;
  const { fegora } = anyTaxpayer(scene);
  const { password } = fegora;
  const locked = newPassword(scene);
  fegora.password = locked;
  universe.after(dice.spread(minuteMs, 2 * hourMs), () => {
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
  const { universe, dice } = scene;
  const account = dice.one(accounts);
  amend(scene, account, 'pause');
  const resume = () => {
    amend(scene, account, 'resume');
    // The first try may meet a process that is frozen, or a table that is down.
    if (scene.table.rows.get(account)?.paused !== undefined) {
      universe.after(10 * secondMs, resume);
    }
  };
  universe.after(dice.spread(10 * secondMs, 10 * minuteMs), resume);
}

/** Everything is put right; soon after, every account has to be served by an environment that knows nothing. */
async function recover(scene: Scene, goesOn: () => boolean): Promise<void> {
  const { universe, weather, taxpayers, nodes, waiting, general, begin } = scene;
  scene.over.abort();
  await runUntil(scene, universe.now() + 2 * hourMs, goesOn);
  universe.log('all is put right');
  Object.assign(weather, fairWeather(), { lossShare: 0 });
  for (const { environment } of nodes) {
    await environment.host.thaw('timers');
  }
  for (const taxpayer of taxpayers.values()) {
    Object.assign(taxpayer.fegora, { mood: 'well', workMs: 300 });
    putVersion(taxpayer, taxpayer.fegora.password);
  }
  await runUntil(scene, universe.now() + 10 * minuteMs, goesOn);
  for (const { host } of waiting) {
    general.accuse(`${host.name} never answered`);
  }
  begin(0);
  const servedBefore = scene.tally.served;
  for (const account of accounts) {
    ask(scene, 0, { account });
  }
  await runUntil(scene, universe.now() + invocationMs, goesOn);
  if (scene.tally.served - servedBefore !== accounts.length) {
    general.accuse('no token although all has been well for minutes');
  }
}

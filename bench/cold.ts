// Measures cold starts. Called by main.ts.
import type { Contestant, Contestants } from './contestants.ts';
import { type CpuLimit, createCpuLimit } from './cpu-limit.ts';
import { startEnvironment } from './environment.ts';
import { tokenEvent } from './event.ts';
import type { Servers } from './servers.ts';

/** Cold starts of one contestant, one value for each round. Milliseconds. */
export interface ColdTimes {
  readonly name: string;
  /** From the spawn of the process to its first answer. */
  readonly ms: readonly number[];
  /** From the spawn until the runtime client asked for an event. */
  readonly initMs: readonly number[];
  /** CPU time of all threads until the first answer. */
  readonly cpuMs: readonly number[];
}

/** One kind of cold start. */
interface ColdStart {
  readonly name: string;
  readonly contestant: Contestant;
  /** Runs before the process starts. */
  readonly before: () => Promise<void>;
  /** The `source` that the answer must have. */
  readonly source: unknown;
}

/**
 * Runs every kind of cold start once in each round, one after the other, each in a new process. Each round begins with
 * the next contestant, so that other load on the machine affects all of them equally. A build of the broker finds the
 * token that it stored itself: another version may not serve it.
 */
export async function measureCold(
  contestants: Contestants,
  servers: Servers,
  { rounds, limit }: { readonly rounds: number; readonly limit?: CpuLimit },
): Promise<readonly ColdTimes[]> {
  const groups = coldStartsOf(contestants, servers).map((starts) =>
    starts.map((start) => ({
      start,
      time: { name: start.name, ms: [] as number[], initMs: [] as number[], cpuMs: [] as number[] },
    })),
  );
  for (let round = 0; round < rounds; round++) {
    const first = round % groups.length;
    for (const { start, time } of [...groups.slice(first), ...groups.slice(0, first)].flat()) {
      const { ms, initMs, cpuMs } = await once(start, contestants.runtime, limit);
      time.cpuMs.push(cpuMs);
      time.ms.push(ms);
      time.initMs.push(initMs);
    }
  }
  return groups.flat().map(({ time }) => time);
}

/** The same with the share of CPU that Lambda gives to calls. Undefined if this machine cannot limit the CPU. */
export async function measureSlowed(
  contestants: Contestants,
  servers: Servers,
  rounds: number,
): Promise<readonly ColdTimes[] | undefined> {
  const limit = createCpuLimit();
  if (limit === undefined) {
    return undefined;
  }
  try {
    return await measureCold(contestants, servers, { rounds, limit });
  } finally {
    limit.close();
  }
}

/** For each contestant, the starts that have to follow one another. */
function coldStartsOf(
  { floor, broker, peers, others }: Contestants,
  servers: Servers,
): readonly (readonly ColdStart[])[] {
  const nothing = async () => {};
  const plain = (contestant: Contestant): ColdStart => {
    return { name: contestant.name, contestant, before: nothing, source: undefined };
  };
  const both = (contestant: Contestant): readonly ColdStart[] => [
    { ...plain(contestant), name: `${contestant.name}, login`, before: servers.deleteItem, source: 'upstream' },
    { ...plain(contestant), name: `${contestant.name}, shared`, source: 'shared' },
  ];
  return [[plain(floor)], ...[broker, ...others].map(both), ...peers.map((peer) => [plain(peer)])];
}

/**
 * Runs one cold start.
 *
 * @param limit limits the CPU of the call, not of the init
 * @throws Error if the answer is not the expected one
 */
async function once(
  { contestant, before, source }: ColdStart,
  runtime: string,
  limit: CpuLimit | undefined,
): Promise<{ ms: number; initMs: number; cpuMs: number }> {
  await before();
  const environment = await startEnvironment(contestant, runtime);
  try {
    await environment.ready;
    limit?.applyTo(environment.pid);
    const { ms, status, body } = await environment.call(tokenEvent());
    if (status !== 200 || body.source !== source) {
      throw new Error(`${contestant.name} answered ${status} ${JSON.stringify({ ...body, access_token: undefined })}`);
    }
    return { ms, initMs: environment.initMs(), cpuMs: await environment.cpuMs() };
  } finally {
    await environment.stop();
  }
}

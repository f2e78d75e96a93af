import type { Contestant, Field } from './contestants.ts';
import { type CpuLimit, createCpuLimit } from './cpu-limit.ts';
import { startEnvironment } from './environment.ts';
import { tokenEvent } from './event.ts';
import type { Servers } from './servers.ts';

/** First answers of fresh processes, from the spawn. Milliseconds. */
export interface ColdTimes {
  readonly name: string;
  readonly ms: readonly number[];
  /** The part until the runtime client asked for an event. */
  readonly initMs: readonly number[];
  readonly cpuMs: readonly number[];
}

interface Racer {
  readonly name: string;
  readonly contestant: Contestant;
  readonly before: () => Promise<void>;
  readonly source: unknown;
}

/**
 * Runs everybody once a round, one after the other, each time in a process of its own, and each round from another one
 * on, so that whatever else the machine does meanwhile hits all alike.
 */
export async function raceCold(
  field: Field,
  servers: Servers,
  { rounds, limit }: { readonly rounds: number; readonly limit?: CpuLimit },
): Promise<readonly ColdTimes[]> {
  const racers = racersOf(field, servers);
  const times = racers.map(({ name }) => ({ name, ms: [] as number[], initMs: [] as number[], cpuMs: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < racers.length; turn++) {
      const index = (round + turn) % racers.length;
      const [racer, time] = [racers[index], times[index]];
      if (racer !== undefined && time !== undefined) {
        const { ms, initMs, cpuMs } = await once(racer, field.runtime, limit);
        time.cpuMs.push(cpuMs);
        time.ms.push(ms);
        time.initMs.push(initMs);
      }
    }
  }
  return times;
}

/** The same with as little CPU as Lambda gives calls; nothing where this machine cannot be told to. */
export async function raceSlowed(
  field: Field,
  servers: Servers,
  rounds: number,
): Promise<readonly ColdTimes[] | undefined> {
  const limit = createCpuLimit();
  if (limit === undefined) {
    return undefined;
  }
  try {
    return await raceCold(field, servers, { rounds, limit });
  } finally {
    limit.close();
  }
}

function racersOf({ floor, broker, peers, others }: Field, servers: Servers): readonly Racer[] {
  const nothing = async () => {};
  const plain = (contestant: Contestant): Racer => {
    return { name: contestant.name, contestant, before: nothing, source: undefined };
  };
  const both = (contestant: Contestant): readonly Racer[] => [
    { ...plain(contestant), name: `${contestant.name}, login`, before: servers.forget, source: 'upstream' },
    { ...plain(contestant), name: `${contestant.name}, shared`, source: 'shared' },
  ];
  return [plain(floor), ...[broker, ...others].flatMap(both), ...peers.map(plain)];
}

/** @param limit on what its call, not its init, may compute */
async function once(
  { contestant, before, source }: Racer,
  runtime: string,
  limit: CpuLimit | undefined,
): Promise<{ ms: number; initMs: number; cpuMs: number }> {
  await before();
  const environment = await startEnvironment(contestant, runtime);
  try {
    await environment.ready;
    limit?.holdDown(environment.pid);
    const { ms, status, body } = await environment.call(tokenEvent());
    if (status !== 200 || body.source !== source) {
      throw new Error(`${contestant.name} answered ${status} ${JSON.stringify({ ...body, access_token: undefined })}`);
    }
    return { ms, initMs: environment.initMs(), cpuMs: await environment.cpuMs() };
  } finally {
    await environment.stop();
  }
}

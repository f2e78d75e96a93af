import type { Contestant, Field } from './contestants.ts';
import { type Environment, startEnvironment } from './environment.ts';
import { tokenEvent } from './event.ts';

/** Calls of environments that hold a token, and what memory they take. */
export interface WarmTimes {
  readonly name: string;
  readonly ms: readonly number[];
  /** Resident after all calls. Bytes. */
  readonly memory: number;
}

const warmUpCalls = 500;
const callsInARound = 100;

/** One environment for each, called in turns, so that whatever else the machine does meanwhile hits all alike. */
export async function raceWarm({ floor, broker, peers, others, runtime }: Field, rounds: number) {
  const racers = [floor, broker, ...others, ...peers.filter(({ keepsToken }) => keepsToken)];
  const started = await Promise.all(racers.map((racer) => warmedUp(racer, runtime)));
  try {
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < started.length; turn++) {
        const racer = started[(round + turn) % started.length];
        if (racer !== undefined) {
          racer.ms.push(...(await callOften(racer.environment, callsInARound)));
        }
      }
    }
    return await Promise.all(started.map(timesOf));
  } finally {
    await Promise.all(started.map(({ environment }) => environment.stop()));
  }
}

interface Started {
  readonly name: string;
  readonly environment: Environment;
  readonly ms: number[];
}

async function warmedUp(contestant: Contestant, runtime: string): Promise<Started> {
  const environment = await startEnvironment(contestant, runtime);
  await callOften(environment, warmUpCalls);
  return { name: contestant.name, environment, ms: [] };
}

async function callOften(environment: Environment, times: number): Promise<number[]> {
  const took: number[] = [];
  const event = tokenEvent();
  for (let call = 0; call < times; call++) {
    const { ms, status } = await environment.call(event);
    if (status !== 200) {
      throw new Error(`a warm call was answered ${status}`);
    }
    took.push(ms);
  }
  return took;
}

async function timesOf({ name, environment, ms }: Started): Promise<WarmTimes> {
  return { name, ms, memory: (await environment.memory()).now };
}

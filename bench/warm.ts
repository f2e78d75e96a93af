// Measures warm calls and memory. Called by main.ts.
import type { Contestant, Contestants } from './contestants.ts';
import { type Environment, startEnvironment } from './environment.ts';
import { tokenEvent } from './event.ts';

/** The calls of one environment that has a token, and its memory. */
export interface WarmTimes {
  readonly name: string;
  /** Times of all calls. Milliseconds. */
  readonly ms: readonly number[];
  /** Resident memory after all calls. Bytes. */
  readonly memory: number;
}

const warmUpCalls = 500;
const callsPerRound = 100;

/** Calls one environment of each contestant, in turns, so that other load on the machine affects all equally. */
export async function measureWarm({ floor, broker, peers, others, runtime }: Contestants, rounds: number) {
  const measured = [floor, broker, ...others, ...peers.filter(({ keepsToken }) => keepsToken)];
  const started = await Promise.all(measured.map((one) => warmUp(one, runtime)));
  try {
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < started.length; turn++) {
        const next = started[(round + turn) % started.length];
        if (next !== undefined) {
          next.ms.push(...(await callOften(next.environment, callsPerRound)));
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

async function warmUp(contestant: Contestant, runtime: string): Promise<Started> {
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

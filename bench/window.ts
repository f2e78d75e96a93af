// Measures calls before and in the renewal window. Called by main.ts.
import { setTimeout } from 'node:timers/promises';
import type { Contestants } from './contestants.ts';
import { type Environment, type Measured, shifting, startEnvironment } from './environment.ts';
import { tokenEvent } from './event.ts';
import { type Servers, usernameOf } from './servers.ts';

/** Calls of ten environments before and in the renewal window of their token. Milliseconds. */
export interface WindowTimes {
  /** Calls before the window. */
  readonly before: readonly number[];
  /** Calls in the window while Fegora fails, except those that tried to log in. */
  readonly failing: readonly number[];
  /** Calls after Fegora works again, except the one that renewed the token. */
  readonly renewing: readonly number[];
  /** Calls that renewed the token. */
  readonly elected: readonly number[];
  /** Table reads per environment in both phases of 20 s. In each phase it may read at 0, 10 and 20 s. */
  readonly readsByEnvironment: number;
  readonly logins: number;
}

const environments = 10;
const lifetimeSeconds = 1800;
const intoWindowMs = 1_450_000;
/** Longer than the 60 s that the broker waits after a failed renewal. */
const afterBackoffMs = 70_000;
const phaseMs = 20_000;
const pauseMs = 50;

/** Calls the broker before the window, then in the window while Fegora fails, then while the token is renewed. */
export async function measureWindow({ broker, runtime }: Contestants, servers: Servers): Promise<WindowTimes> {
  await servers.deleteItem();
  servers.fegora.set({ lifetimeSeconds });
  const fleet = await Promise.all(
    Array.from({ length: environments }, () => startEnvironment(shifting(broker), runtime)),
  );
  const logins = () => servers.fegora.counters().users[usernameOf(broker.name)]?.logins ?? 0;
  try {
    await callAll(fleet, 0, 5_000);
    const before = await callAll(fleet, 0, phaseMs);
    const [readsBefore, loginsBefore] = [servers.tableReads(), logins()];
    servers.shift(intoWindowMs);
    servers.fegora.addFault({ kind: 'answer', status: 503, body: '' });
    const failing = await callAll(fleet, intoWindowMs, phaseMs);
    servers.fegora.clearFaults();
    servers.shift(intoWindowMs + afterBackoffMs);
    const renewing = await callAll(fleet, intoWindowMs + afterBackoffMs, phaseMs);
    const reads = servers.tableReads() - readsBefore;
    return {
      before: before.map(({ ms }) => ms),
      failing: failing.filter(wasServed).map(({ ms }) => ms),
      renewing: renewing.filter(wasServed).map(({ ms }) => ms),
      elected: renewing.filter((call) => !wasServed(call)).map(({ ms }) => ms),
      readsByEnvironment: reads / environments,
      logins: logins() - loginsBefore,
    };
  } finally {
    servers.shift(0);
    await Promise.all(fleet.map((environment) => environment.stop()));
  }
}

function wasServed({ body }: Measured): boolean {
  return body.source !== 'upstream';
}

async function callAll(fleet: readonly Environment[], shiftMs: number, forMs: number): Promise<readonly Measured[]> {
  const until = performance.now() + forMs;
  const calls = await Promise.all(
    fleet.map(async (environment) => {
      const made: Measured[] = [];
      while (performance.now() < until) {
        made.push(await environment.call(tokenEvent(), shiftMs));
        await setTimeout(pauseMs);
      }
      return made;
    }),
  );
  return calls.flat();
}

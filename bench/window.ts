import { setTimeout } from 'node:timers/promises';
import type { Field } from './contestants.ts';
import { type Environment, type Measured, shifting, startEnvironment } from './environment.ts';
import { tokenEvent } from './event.ts';
import { type Servers, usernameOf } from './servers.ts';

/** Calls of a few environments before and in the renewal window of their token. Milliseconds. */
export interface WindowTimes {
  /** While nothing is to be renewed. */
  readonly before: readonly number[];
  /** In the window, while Fegora refuses every login, but for those who tried. */
  readonly failing: readonly number[];
  /** From the moment on that Fegora is well again, but for the one that renewed. */
  readonly renewing: readonly number[];
  /** How long those waited who logged in, or tried. */
  readonly elected: readonly number[];
  /** Table reads by environment, in both spans of 20 s: in each it may look at 0, 10 and 20 s. */
  readonly readsByEnvironment: number;
  readonly logins: number;
}

const environments = 10;
const lifetimeSeconds = 1800;
const intoWindowMs = 1_450_000;
/** A renewal that failed is not tried again for 60 s. */
const pastHoldMs = 70_000;
const phaseMs = 20_000;
const pauseMs = 50;

/** Calls the broker before the window, then in it while Fegora fails, then while the token is renewed. */
export async function watchWindow({ broker, runtime }: Field, servers: Servers): Promise<WindowTimes> {
  await servers.forget();
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
    servers.shift(intoWindowMs + pastHoldMs);
    const renewing = await callAll(fleet, intoWindowMs + pastHoldMs, phaseMs);
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

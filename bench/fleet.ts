// Counts the logins of many environments over some days. Called by main.ts.
import type { Contestant, Contestants } from './contestants.ts';
import { type Environment, shifting, startEnvironment } from './environment.ts';
import { tokenEvent } from './event.ts';
import { type Servers, usernameOf } from './servers.ts';

/** The calls and logins of many environments over some lifetimes of a token. */
export interface FleetCount {
  readonly name: string;
  readonly calls: number;
  readonly errors: number;
  readonly logins: number;
}

const environments = 50;
const lifetimes = 4;
const lifetimeHours = 24;
const stepHours = 4;
const hourMs = 3_600_000;

/**
 * Calls every environment once every four hours for four days; a token is valid for one day. The calls come one after
 * the other, because logins at the same time would brick the accounts of the peers. All clocks are moved ahead
 * together.
 */
export async function countFleets(
  { broker, peers, runtime }: Contestants,
  servers: Servers,
): Promise<readonly FleetCount[]> {
  const counts: FleetCount[] = [];
  await servers.deleteItem();
  servers.fegora.set({ lifetimeSeconds: lifetimeHours * 3600 });
  for (const contestant of [broker, ...peers]) {
    counts.push(await countFleet(contestant, runtime, servers));
  }
  return counts;
}

async function countFleet(contestant: Contestant, runtime: string, servers: Servers): Promise<FleetCount> {
  const before = loginsOf(contestant, servers);
  const fleet: Environment[] = [];
  let [calls, errors] = [0, 0];
  try {
    for (let hours = 0; hours < lifetimes * lifetimeHours; hours += stepHours) {
      servers.shift(hours * hourMs);
      for (let index = 0; index < environments; index++) {
        fleet[index] ??= await startEnvironment(shifting(contestant), runtime);
        const answer = await fleet[index]?.call(tokenEvent(), hours * hourMs);
        calls += 1;
        errors += answer?.status === 200 ? 0 : 1;
      }
    }
  } finally {
    servers.shift(0);
    await Promise.all(fleet.map((environment) => environment.stop()));
  }
  return { name: contestant.name, calls, errors, logins: loginsOf(contestant, servers) - before };
}

function loginsOf({ name }: Contestant, { fegora }: Servers): number {
  return fegora.counters().users[usernameOf(name)]?.logins ?? 0;
}

import { cpus } from 'node:os';
import type { ColdTimes } from '../cold.ts';
import type { FleetCount } from '../fleet.ts';
import type { LoadTimes } from '../load.ts';
import type { Size } from '../size.ts';
import type { WarmTimes } from '../warm.ts';
import type { WindowTimes } from '../window.ts';
import { median, percentile } from './statistics.ts';

/** What the cases measured, as they come. */
export interface Measurements {
  readonly cold?: readonly ColdTimes[];
  /** Cold starts whose calls get as little CPU as on Lambda. */
  readonly slowed?: readonly ColdTimes[];
  readonly warm?: readonly WarmTimes[];
  readonly window?: WindowTimes;
  readonly fleet?: readonly FleetCount[];
  readonly size?: readonly Size[];
  readonly load?: LoadTimes;
}

/** Median and 99th percentile. Milliseconds. */
interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** One contestant in a race; `over`: its median less the floor's. Milliseconds and bytes. */
export interface Placing extends Spread {
  readonly name: string;
  readonly over: number;
  readonly initP50?: number;
  readonly overCpu?: number;
  readonly memory?: number;
}

/** What `--json` prints. */
export type Results = ReturnType<typeof summarize>;

/** Medians, 99th percentiles, and ratios of time over the floor in the same run. */
export function summarize({ cold, slowed, warm, window, fleet, size, load }: Measurements) {
  const coldPlaces = cold && placed(cold);
  const slowedPlaces = slowed && placed(slowed);
  const warmPlaces = warm && placed(warm);
  return {
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version },
    ...(coldPlaces && { cold: coldPlaces, coldRatios: coldRatios(coldPlaces) }),
    ...(slowedPlaces && { slowed: slowedPlaces, slowedRatios: coldRatios(slowedPlaces) }),
    ...(warmPlaces && { warm: warmPlaces, warmRatios: warmRatios(warmPlaces) }),
    ...(window && { window: windowSummary(window) }),
    ...(fleet && { fleet }),
    ...(size && { size }),
    ...(load && { load: { ...load, ms: spread(load.ms) } }),
  };
}

type Raced = Pick<ColdTimes, 'name' | 'ms'> & Partial<Omit<ColdTimes, 'name' | 'ms'>> & { readonly memory?: number };

/** The floor is the first. */
function placed(raced: readonly Raced[]): readonly Placing[] {
  const floor = raced[0];
  return raced.map(({ name, ms, initMs, cpuMs, memory }) => ({
    name,
    ...spread(ms),
    over: rounded(median(ms) - median(floor?.ms ?? [])),
    ...(initMs && { initP50: rounded(median(initMs)) }),
    ...(cpuMs && { overCpu: rounded(median(cpuMs) - median(floor?.cpuMs ?? [])) }),
    ...(memory !== undefined && { memory }),
  }));
}

function coldRatios(places: readonly Placing[]) {
  const best = Math.min(...['sdk', 'middy', 'powertools'].map((name) => overOf(places, name)));
  return {
    login: rounded(overOf(places, 'broker, login') / best),
    shared: rounded(overOf(places, 'broker, shared') / best),
  };
}

function warmRatios(places: readonly Placing[]) {
  return { powertools: rounded(overOf(places, 'broker') / overOf(places, 'powertools')) };
}

function windowSummary({ before, failing, renewing, elected, readsByEnvironment, logins }: WindowTimes) {
  const [memoryHit, whileFailing, whileRenewing] = [before, failing, renewing].map(spread);
  return { memoryHit, whileFailing, whileRenewing, elected: elected.map(rounded), readsByEnvironment, logins };
}

function overOf(places: readonly Placing[], wanted: string): number {
  return places.find(({ name }) => name === wanted)?.over ?? Number.NaN;
}

function spread(ms: readonly number[]): Spread {
  return { p50: rounded(median(ms)), p99: rounded(percentile(ms, 99)) };
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}

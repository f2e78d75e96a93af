// Computes medians, percentiles and ratios. Called by main.ts.
import { cpus } from 'node:os';
import type { ColdTimes } from '../cold.ts';
import type { FleetCount } from '../fleet.ts';
import type { LoadTimes } from '../load.ts';
import type { RequestTimes } from '../requests.ts';
import type { Size } from '../size.ts';
import type { WarmTimes } from '../warm.ts';
import type { WindowTimes } from '../window.ts';
import { median, percentile } from './statistics.ts';

/** The measurements of the cases that ran. */
export interface Measurements {
  readonly cold?: readonly ColdTimes[];
  /** Cold starts whose calls have the share of CPU that Lambda gives. */
  readonly slowed?: readonly ColdTimes[];
  readonly warm?: readonly WarmTimes[];
  readonly window?: WindowTimes;
  readonly fleet?: readonly FleetCount[];
  readonly size?: readonly Size[];
  readonly requests?: RequestTimes;
  readonly load?: LoadTimes;
}

/** Median and 99th percentile. Milliseconds. */
interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** The results of one contestant. `over` is its median minus the median of the floor. Milliseconds and bytes. */
export interface ContestantResult extends Spread {
  readonly name: string;
  readonly over: number;
  readonly initP50?: number;
  readonly overCpu?: number;
  readonly memory?: number;
}

/** The object that `--json` prints. */
export type Results = ReturnType<typeof summarize>;

/** Computes medians, 99th percentiles, and ratios of the times over the floor. */
export function summarize({ cold, slowed, warm, window, fleet, size, requests, load }: Measurements) {
  const coldResults = cold && compareWithFloor(cold);
  const slowedResults = slowed && compareWithFloor(slowed);
  const warmResults = warm && compareWithFloor(warm);
  return {
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version },
    ...(coldResults && { cold: coldResults, coldRatios: coldRatios(coldResults) }),
    ...(slowedResults && { slowed: slowedResults, slowedRatios: coldRatios(slowedResults) }),
    ...(warmResults && { warm: warmResults, warmRatios: warmRatios(warmResults) }),
    ...(window && { window: windowSummary(window) }),
    ...(fleet && { fleet }),
    ...(size && { size }),
    ...(requests && { requests: requestSummary(requests) }),
    ...(load && { load: { ...load, ms: spread(load.ms) } }),
  };
}

type Times = Pick<ColdTimes, 'name' | 'ms'> & Partial<Omit<ColdTimes, 'name' | 'ms'>> & { readonly memory?: number };

/** Compares each contestant with the floor, which is the first one. */
function compareWithFloor(measured: readonly Times[]): readonly ContestantResult[] {
  const floor = measured[0];
  return measured.map(({ name, ms, initMs, cpuMs, memory }) => ({
    name,
    ...spread(ms),
    over: rounded(median(ms) - median(floor?.ms ?? [])),
    ...(initMs && { initP50: rounded(median(initMs)) }),
    ...(cpuMs && { overCpu: rounded(median(cpuMs) - median(floor?.cpuMs ?? [])) }),
    ...(memory !== undefined && { memory }),
  }));
}

function coldRatios(results: readonly ContestantResult[]) {
  const best = Math.min(...['sdk', 'middy', 'powertools'].map((name) => overOf(results, name)));
  return {
    login: rounded(overOf(results, 'broker, login') / best),
    shared: rounded(overOf(results, 'broker, shared') / best),
  };
}

function warmRatios(results: readonly ContestantResult[]) {
  return { powertools: rounded(overOf(results, 'broker') / overOf(results, 'powertools')) };
}

function windowSummary({ before, failing, renewing, elected, readsByEnvironment, logins }: WindowTimes) {
  const [memoryHit, whileFailing, whileRenewing] = [before, failing, renewing].map(spread);
  return { memoryHit, whileFailing, whileRenewing, elected: elected.map(rounded), readsByEnvironment, logins };
}

function requestSummary({ cold, warm, bytes }: RequestTimes) {
  return { cold: compareWithFloor(cold), warm: { name: warm.name, ...spread(warm.ms) }, bytes };
}

function overOf(results: readonly ContestantResult[], wanted: string): number {
  return results.find(({ name }) => name === wanted)?.over ?? Number.NaN;
}

function spread(ms: readonly number[]): Spread {
  return { p50: rounded(median(ms)), p99: rounded(percentile(ms, 99)) };
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}

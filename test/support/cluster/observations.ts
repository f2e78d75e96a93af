// Collects what the environments of a cluster notice, and gives them random numbers. Used by ../cluster.ts.
import type { Observation } from '../../../lambda/broker/ports.ts';

/** An empty log. */
export function createObservationLog() {
  const counts = new Map<string, number>();
  const noticed: Observation[] = [];
  return {
    noticed,
    observe: (observation: Observation) => {
      const { kind } = observation;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      noticed.push(observation);
    },
    observed: (kind: Observation['kind']) => counts.get(kind) ?? 0,
  };
}

/** Returns the same numbers, from 0 to 1, in every run. */
export function createRandom(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

// Counts answers and logins of a cluster. Used by test/scenario/broker.
import type { Cluster } from '../cluster.ts';

/** Makes calls at a steady rate for `forMs`, and counts the answers by error code; `served`: with a token. */
export async function tally(
  { load }: Pick<Cluster, 'load'>,
  perSecond: number,
  forMs: number,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  await load(perSecond, forMs, ({ error }) => {
    const answer = error?.code ?? 'served';
    counts[answer] = (counts[answer] ?? 0) + 1;
  });
  return counts;
}

/** When logins arrived at the simulator. Epoch milliseconds. */
export function sentAt({ fegora }: Pick<Cluster, 'fegora'>): number[] {
  return fegora.logins().map(({ at }) => at);
}

/** The most times within any span of `windowMs`. */
export function mostWithin(times: readonly number[], windowMs: number): number {
  return Math.max(0, ...times.map((from, index) => times.slice(index).filter((time) => time < from + windowMs).length));
}

/** The most sends of one password. */
export function mostSends({ fegora }: Pick<Cluster, 'fegora'>): number {
  return Math.max(0, ...Object.values(fegora.counters().sends));
}

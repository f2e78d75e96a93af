import type { Mark } from './leased-login.ts';

/** What an environment remembers of an account between flights: a few fields, however many calls. */
export interface Recollection {
  /** Marks that could not be written, by credential key; they stop their versions here, and are written when they can be. */
  readonly pendingMarks: Map<string, Mark>;
  /** When Secrets Manager was last asked because the cached version is marked. Monotonic milliseconds. */
  secretAskedAt: number;
}

/** What a new environment knows: nothing. */
export function emptyRecollection(): Recollection {
  return { pendingMarks: new Map(), secretAskedAt: Number.NEGATIVE_INFINITY };
}

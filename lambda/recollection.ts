import type { Mark } from './attempt.ts';

/** What an environment remembers of an account between flights: a few fields, however many calls. */
export interface Recollection {
  /** A mark that could not be written; it stops its version here and is written at the next table access. */
  pendingMark?: Mark;
  /** The marks as last read: obeyed where the table cannot be asked. */
  marks: ReadonlySet<string>;
  /** When Secrets Manager was last asked because the cached version is marked. Monotonic milliseconds. */
  secretAskedAt: number;
  /** The latest login without a table. Monotonic milliseconds. */
  bareLoginAt: number;
}

export function emptyRecollection(): Recollection {
  return { marks: new Set(), secretAskedAt: Number.NEGATIVE_INFINITY, bareLoginAt: Number.NEGATIVE_INFINITY };
}

// What one environment remembers of one account between refreshes. Made by refresh-loop, shared with the files it calls.
import type { Rejection } from './item.ts';

/** A few fields, however many calls. */
export interface LocalState {
  /**
   * Rejections that could not be written, by credential key. They stop their versions in this environment, and are
   * written as soon as the table takes them.
   */
  readonly unwrittenRejections: Map<string, Rejection>;
  /** Whether this environment last found the user of the account with another account. */
  isDuplicate: boolean;
  /** When Secrets Manager was last asked because the cached version is rejected. Monotonic milliseconds. */
  secretAskedAt: number;
  /** `generation` of the item when the secret of an open account was last looked at. */
  secretGeneration: number;
}

/** The state of a new environment. */
export function createLocalState(): LocalState {
  return {
    unwrittenRejections: new Map(),
    isDuplicate: false,
    secretAskedAt: Number.NEGATIVE_INFINITY,
    secretGeneration: 0,
  };
}

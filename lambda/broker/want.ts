import type { Reading } from './item-reader.ts';
import { meetsValidity, renewableFrom } from './token.ts';

/** What a flight is to bring. */
export interface Want {
  /** `look`: a caller that could be served at once looks whether it is the one to renew. */
  readonly purpose: 'serve' | 'look' | 'warm' | 'verify';
  readonly minValidityMs: number;
  readonly rejected?: string;
}

/** Whether a flight that found no token for `a` would have found none for `b` either. */
export function isSameAim(a: Want, b: Want): boolean {
  return a.purpose === b.purpose && a.rejected === b.rejected;
}

/**
 * Whether the stored token is all that is wanted.
 *
 * @param jitter how far into its first quarter this environment opens the renewal window, from 0 to 1
 */
export function isSatisfied(want: Want, { current, seen }: Reading, jitter: number): boolean {
  const { purpose, minValidityMs, rejected } = want;
  if (current === undefined || purpose === 'verify' || !meetsValidity(current, minValidityMs, seen.wall)) {
    return false;
  }
  return rejected !== undefined || seen.wall < renewableFrom(current, purpose === 'warm' ? 0 : jitter);
}

/** Nobody who could be served waits for another's login, but for one who asked for more validity than the token has. */
export function isPatient({ minValidityMs }: Want, { current, seen }: Reading): boolean {
  return current === undefined || !meetsValidity(current, minValidityMs, seen.wall);
}

import type { Mood } from './fegora-model.ts';

/** What is done to the world besides letting it run. `env` counts environments, from 0. */
export type Deviation =
  | { readonly kind: 'kill'; readonly env: number }
  /** `report`: a caller reports the stored token as rejected. */
  | { readonly kind: 'warm' | 'verify' | 'report' | 'purge' | 'clear-rejection'; readonly env: number }
  /** `doze`: a stop after which what has arrived is read before the timers come due. */
  | { readonly kind: 'stop' | 'doze' | 'suspend'; readonly env: number; readonly ms: number }
  | { readonly kind: 'jump'; readonly env: number; readonly ms: number }
  /** To the nth of the messages under way: `first` lets it overtake the others. */
  | { readonly kind: 'lose' | 'first'; readonly nth: number }
  | { readonly kind: 'hold'; readonly nth: number; readonly ms: number }
  | { readonly kind: 'mood'; readonly mood: Mood }
  /** How long Fegora takes from now on. */
  | { readonly kind: 'work'; readonly ms: number }
  /** Fegora's password becomes another one; the secret gets a new version with Fegora's password. */
  | { readonly kind: 'change' | 'rotate' };

/** A deviation, so many steps after the one before. */
export interface Turn {
  readonly after: number;
  readonly what: Deviation;
}

/**
 * Where a run begins: with no item; with a token in its renewal window; with an expired one; with a password that Fegora
 * refuses and has never taken; with one that it took before; with a token that callers report as rejected.
 */
export const scenarios = ['cold', 'window', 'expired', 'refused', 'locked', 'rejected'] as const;

/** `slow`: no item, and a Fegora that takes longer for a login than a lease lasts. */
export type Scenario = (typeof scenarios)[number] | 'slow';

/** All that a run depends on. */
export interface Plan {
  readonly scenario: Scenario;
  /** In what order messages arrive: 0, in that of their sending; else by chance from this seed. */
  readonly order: number;
  readonly turns: readonly Turn[];
}

// Describes what happens in one run of the exploration. Used by fault-plan-generators.ts and run.ts.
import type { GrantType } from '../../lambda/broker/ports.ts';
import type { Behavior } from './fegora-model.ts';

/**
 * Something that is done during a run: a fault, or an action of an operator, a schedule or a caller. `env` is the index
 * of an environment, from 0. `ms` is in milliseconds.
 */
export type Fault =
  | { readonly kind: 'kill'; readonly env: number }
  /** `report`: a caller reports the stored token as rejected. */
  | { readonly kind: 'warm' | 'verify' | 'report' | 'purge' | 'clear-rejection'; readonly env: number }
  /** `stop`: after the stop, due timers fire first. `stop-then-read`: after the stop, waiting messages are read first. */
  | { readonly kind: 'stop' | 'stop-then-read' | 'suspend'; readonly env: number; readonly ms: number }
  | { readonly kind: 'clock-jump'; readonly env: number; readonly ms: number }
  /** Concerns the nth of the messages under way. `overtake`: the message arrives before the others. */
  | { readonly kind: 'lose' | 'overtake'; readonly nth: number }
  | { readonly kind: 'delay'; readonly nth: number; readonly ms: number }
  /** How Fegora handles the next login. */
  | { readonly kind: 'behavior'; readonly behavior: Behavior }
  /** How long Fegora works on each login from now on. */
  | { readonly kind: 'login-time'; readonly ms: number }
  /**
   * `change-password`: at Fegora only. `rotate-secret`: the secret gets a new version with Fegora's password. `log-in-elsewhere`:
   * the user logs in at the web portal, which ends the refresh token.
   */
  | { readonly kind: 'change-password' | 'rotate-secret' | 'log-in-elsewhere' };

export interface PlannedFault {
  /** Number of steps after the fault before this one. */
  readonly after: number;
  readonly fault: Fault;
}

/**
 * The state in which a run starts.
 * `cold`: no item. `window`: a token in its renewal window. `expired`: an expired token. `refused`: Fegora refuses the
 * password and never accepted it. `locked`: Fegora refuses a password that it accepted before. `rejected`: callers
 * report the token as rejected.
 */
export const scenarios = ['cold', 'window', 'expired', 'refused', 'locked', 'rejected'] as const;

/** `slow`: no item, and Fegora takes longer for a login than a lease lasts. */
export type Scenario = (typeof scenarios)[number] | 'slow';

/** Everything that a run depends on: the same plan gives the same run. */
export interface FaultPlan {
  readonly scenario: Scenario;
  /** Order in which messages arrive. 0: as they were sent. Any other number: random, with this seed. */
  readonly order: number;
  readonly faults: readonly PlannedFault[];
  /** @default `password` */
  readonly renewWith?: GrantType;
}

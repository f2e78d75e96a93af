// One search for a token: its goal, its request and its result. Passed between account-broker, single-flight and refresh-loop.
import type { BrokerError } from '../errors.ts';
import type { Moment } from './clock.ts';
import type { Remaining } from './ports.ts';
import type { Token } from './token.ts';

/** What a refresh is for. */
export interface RefreshGoal {
  /** `refresh-ahead`: the caller has a servable token, and looks whether it is the one to renew it. */
  readonly kind: 'serve' | 'refresh-ahead' | 'warm' | 'verify';
  /** Milliseconds, 0 or more. */
  readonly minValidityMs: number;
  /** Fingerprint of a token that Fegora answered 401 to. */
  readonly rejected?: string;
}

/** One search for a token. Other calls of the same account may join it. */
export interface RefreshRequest {
  readonly goal: RefreshGoal;
  readonly remaining: Remaining;
  /** When to give up waiting. Monotonic milliseconds. */
  readonly until: number;
  /** Called before a login with what the calls that joined may have at once: a servable token, or the failure it probes. */
  readonly announce?: (result: RefreshResult) => void;
}

/** How a search ended. `token` and `failure` may stand together: a good token whose renewal failed. */
export interface RefreshResult {
  readonly token?: Token;
  /** A moment at which our wall clock can be trusted about the token. */
  readonly seen: Moment;
  readonly source: 'shared' | 'upstream';
  /** False if other environments will not see the token, because another claim came in between. */
  readonly isShared: boolean;
  readonly failure?: BrokerError;
}

/** Whether a search that found no token for goal `a` would have found none for goal `b` either. */
export function isSameGoal(a: RefreshGoal, b: RefreshGoal): boolean {
  return a.kind === b.kind && a.rejected === b.rejected;
}

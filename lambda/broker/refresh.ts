// One search for a token: its goal, its request and its result. Passed between account-broker, single-flight and refresh-loop.
import type { BrokerError } from '../errors.ts';
import type { Moment, Remaining } from './clock.ts';
import type { Item } from './item.ts';
import type { Token } from './token.ts';

/** What a refresh is for. */
export interface RefreshGoal {
  /**
   * `refresh-ahead`: the caller has a servable token, and looks whether it is the one to renew it. `check`: it only looks
   * whether its token is still valid for callers.
   */
  readonly kind: 'serve' | 'refresh-ahead' | 'check' | 'warm' | 'verify';
  /** Milliseconds, 0 or more. */
  readonly minValidityMs: number;
  /** Fingerprint of a token that Fegora answered 401 to. */
  readonly rejected?: string;
  /** Who reports it: 8 hex digits that name the calling role. */
  readonly caller?: string;
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
  /** `generation` of the item that was read; absent if none could be. */
  readonly generation?: number;
  /** A moment at which our wall clock can be trusted about the token. */
  readonly seen: Moment;
  readonly source: 'shared' | 'upstream';
  /** False if other environments will not see the token, because another claim came in between. */
  readonly isShared: boolean;
  readonly failure?: BrokerError;
}

/** The item at a moment when our clock agreed with the table's. */
export interface Snapshot {
  readonly item: Item;
  readonly seen: Moment;
  /** `generation` of the item, also if its times cannot be trusted; absent if the item itself is faulty. */
  readonly generation?: number;
  /** The stored token, if it is servable and was not reported as rejected by this call. */
  readonly current: Token | undefined;
}

/** Whether a search that found no token for goal `a` would have found none for goal `b` either. */
export function isSameGoal(a: RefreshGoal, b: RefreshGoal): boolean {
  return a.kind === b.kind && a.rejected === b.rejected;
}

/** The item as it was read, as the result of a search; with `failure`, why there is nothing better. */
export function resultOf({ generation, current, seen }: ReadItem, failure?: BrokerError): RefreshResult {
  const token = current !== undefined && { token: current };
  const known = generation !== undefined && { generation };
  return { ...token, ...known, seen, source: 'shared', isShared: true, ...(failure !== undefined && { failure }) };
}

type ReadItem = Pick<Snapshot, 'current' | 'seen' | 'generation'>;

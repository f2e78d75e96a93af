// Puts the counters of the simulator together. Called by server.ts and simulator.ts.
import { type Passwords, userKey } from './passwords.ts';
import type { RefreshRows } from './refresh-rows.ts';
import { countGrants, type LoginCounts, type Traffic } from './traffic.ts';

/** Counts of requests that are not for the token endpoint. */
export interface OtherCounts {
  /** Requests to paths that Fegora does not have. */
  unexpected: number;
  apiCalls: number;
  /** API calls answered 401. */
  apiRefusals: number;
}

/** The counters of the simulator, as `GET /_control` shows them. */
export interface FegoraCounters extends LoginCounts, Readonly<OtherCounts> {
  /** By username in lower case. */
  readonly users: Readonly<Record<string, LoginCounts & { readonly bricked: boolean; readonly locked: boolean }>>;
  /** Requests to the token endpoint that were not password grants. */
  readonly otherGrants: number;
}

/** The parts of the simulated server that are counted. */
interface Counted {
  readonly traffic: Traffic;
  readonly rows: RefreshRows;
  readonly passwords: Passwords;
  readonly otherCounts: OtherCounts;
}

/** The counters since the last reset. */
export function count({ traffic, rows, passwords, otherCounts }: Counted): FegoraCounters {
  const grants = traffic.grants();
  const known = grants.filter(({ username }) => username !== undefined);
  const byUser = Object.groupBy(known, ({ username = '' }) => userKey(username));
  const users = Object.entries(byUser).map(([username, ofUser = []]) => {
    const state = { bricked: rows.isBricked(username), locked: passwords.isLocked(username) };
    return [username, { ...countGrants(ofUser), ...state }] as const;
  });
  const otherGrants = traffic.others().length;
  return { ...countGrants(grants), users: Object.fromEntries(users), otherGrants, ...otherCounts };
}

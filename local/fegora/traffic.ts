// Records the requests to the token endpoint and counts them. Called by server.ts.
import type { Answer } from './grants.ts';
import { isSameUser } from './passwords.ts';

/** Counts of the grants of one user, or of all users. A grant is a login (password grant) or a refresh (refresh grant). */
export interface LoginCounts {
  /** Password grants that arrived, with any result. */
  readonly attempts: number;
  /** Tokens issued for a password. */
  readonly logins: number;
  /** `invalid_grant` answers to a password. */
  readonly refusals: number;
  /** HTML 500 answers of a bricked account to a password. */
  readonly crashes: number;
  /** Refresh grants that arrived, with any result. */
  readonly refreshAttempts: number;
  /** Tokens issued for a refresh token. */
  readonly refreshes: number;
  /** `invalid_grant` answers to a refresh token. */
  readonly refreshRefusals: number;
  /** Pairs of grants of one user at the same time, both with an open connection. */
  readonly overlapsSeen: number;
  /** Pairs of grants of one user that the server worked on at the same time, with or without an open connection. */
  readonly overlapsInside: number;
  /** The most grants of one user at the same time with an open connection. */
  readonly maxInFlight: number;
  /** The most grants of one user that the server worked on at the same time, with or without a connection. */
  readonly maxOverlapInside: number;
  /** How many password grants had each password, by `passwordHash`. */
  readonly sends: Readonly<Record<string, number>>;
}

/** A record of one request to the token endpoint. It never has a password or a token. */
export interface RecordedRequest {
  /** Set when the body is read. Stays undefined for any other request. */
  grant?: 'password' | 'refresh_token';
  /**
   * The user: the name as it was sent with a password, or the user to whom the refresh token was issued, whether it still
   * works or not. Undefined if no user is known.
   */
  username?: string | undefined;
  /** Identifies the password that was sent, see `passwordHash`. */
  passwordHash?: string;
  /** When the request arrived, by the simulator's clock. Epoch milliseconds. */
  readonly at: number;
  /** `pending` while the server works on the request. `faulted` if a fault prevented the check of the password. */
  outcome: Answer['outcome'] | 'pending' | 'faulted';
  /** Whether the client closed the connection before the answer. */
  hungUp: boolean;
  /** Whether the server waits for time to pass, or for the client to go. A test may then advance its clock. */
  waiting: boolean;
  /** The requests that the server was working on when this one arrived. */
  readonly concurrent: readonly Concurrent[];
}

interface Concurrent {
  readonly other: RecordedRequest;
  /** Whether the connection of the other request was open. */
  isOpen: boolean;
}

/** The records of all requests to the token endpoint. */
export interface Traffic {
  readonly arrive: (at: number) => RecordedRequest;
  /** Call it before the first byte of the answer: a client that has its answer must not count as concurrent. */
  readonly leave: (request: RecordedRequest) => void;
  /** Password grants in the order in which they arrived. */
  readonly logins: () => readonly RecordedRequest[];
  /** Password grants and refresh grants in the order in which they arrived. */
  readonly grants: () => readonly RecordedRequest[];
  /** All requests to the token endpoint that are not password grants. */
  readonly others: () => readonly RecordedRequest[];
  readonly reset: () => void;
}

/** Starts without records. */
export function createTraffic(): Traffic {
  const inside = new Set<RecordedRequest>();
  let requests: RecordedRequest[] = [];
  return {
    arrive: (at) => {
      const concurrent = Array.from(inside, (other) => ({ other, isOpen: !other.hungUp }));
      const request: RecordedRequest = { at, outcome: 'pending', hungUp: false, waiting: false, concurrent };
      inside.add(request);
      requests.push(request);
      checkAgain(concurrent);
      return request;
    },
    leave: (request) => {
      inside.delete(request);
    },
    logins: () => requests.filter(({ grant }) => grant === 'password'),
    grants: () => requests.filter(({ grant }) => grant !== undefined),
    others: () => requests.filter(({ grant }) => grant !== 'password'),
    reset: () => {
      requests = [...inside];
    },
  };
}

/**
 * Updates `isOpen` two turns of the event loop later. A client may have hung up before this request was sent, and the
 * event loop may report it after the request: one turn reports sockets in any order. Two turns later it has reported
 * it.
 */
function checkAgain(concurrent: readonly Concurrent[]): void {
  setImmediate(() =>
    setImmediate(() => {
      for (const one of concurrent) {
        one.isOpen = !one.other.hungUp;
      }
    }),
  );
}

/** Counts some password grants and refresh grants. */
export function countGrants(grants: readonly RecordedRequest[]): LoginCounts {
  const logins = grants.filter(({ grant }) => grant === 'password');
  const refreshes = grants.filter(({ grant }) => grant === 'refresh_token');
  const withOutcome = (some: typeof grants, outcome: RecordedRequest['outcome']): number =>
    some.filter((one) => one.outcome === outcome).length;
  const overlaps = grants.map((one) => one.concurrent.filter(({ other }) => isSameUser(other.username, one.username)));
  const open = overlaps.map((some) => some.filter(({ isOpen }) => isOpen).length);
  return {
    attempts: logins.length,
    logins: withOutcome(logins, 'issued'),
    refusals: withOutcome(logins, 'refused'),
    crashes: withOutcome(logins, 'crashed'),
    refreshAttempts: refreshes.length,
    refreshes: withOutcome(refreshes, 'refreshed'),
    refreshRefusals: withOutcome(refreshes, 'refused'),
    overlapsSeen: open.reduce((sum, count) => sum + count, 0),
    overlapsInside: overlaps.reduce((sum, some) => sum + some.length, 0),
    // The number can grow only when a request arrives.
    maxInFlight: open.reduce((most, count) => Math.max(most, count + 1), 0),
    maxOverlapInside: overlaps.reduce((most, { length }) => Math.max(most, length + 1), 0),
    sends: sendsOf(logins),
  };
}

function sendsOf(logins: readonly RecordedRequest[]): Record<string, number> {
  const sends: Record<string, number> = {};
  for (const { passwordHash = '' } of logins) {
    sends[passwordHash] = (sends[passwordHash] ?? 0) + 1;
  }
  return sends;
}

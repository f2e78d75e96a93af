import type { Answer } from './grants.ts';

/** Counts of password grants: of all users, or of one. */
export interface LoginCounts {
  /** Password grants that arrived, whatever became of them. */
  readonly attempts: number;
  /** Tokens issued. */
  readonly logins: number;
  /** `invalid_grant` answers. */
  readonly refusals: number;
  /** HTML 500 answers of a bricked account. */
  readonly crashes: number;
  /** Pairs of password grants of one user that both had their client's connection open. */
  readonly overlapsSeen: number;
  /** Pairs of password grants of one user that the server worked on at once, whether their clients had hung up or not. */
  readonly overlapsInside: number;
  /** Most password grants of one user at once with their connections open. */
  readonly maxInFlight: number;
}

/** One request on its way through the token endpoint. Never holds a password or a token. */
export interface Passage {
  /** Known once the body is read; stays undefined for anything but a password grant. */
  username?: string;
  /** Arrival by the simulator's clock. Epoch milliseconds. */
  readonly at: number;
  /** `pending` while the server works on it; `faulted` where a fault kept it from the password. */
  outcome: Answer['outcome'] | 'pending' | 'faulted';
  /** Whether its client closed the connection before an answer. */
  hungUp: boolean;
  /** Whether nothing goes on with it until time has passed or its client has gone: a test may then let time pass. */
  waiting: boolean;
  /** Those that the server was working on when this one arrived. */
  readonly met: readonly Meeting[];
}

interface Meeting {
  readonly other: Passage;
  /** Whether the other's connection was open. */
  seen: boolean;
}

/** Keeps count of what goes through the token endpoint. */
export interface Traffic {
  readonly arrive: (at: number) => Passage;
  /** To be called before the answer's first byte, so that whoever has read an answer is no longer inside. */
  readonly leave: (passage: Passage) => void;
  /** Password grants in the order of their arrival. */
  readonly logins: () => readonly Passage[];
  /** All other requests to the token endpoint. */
  readonly others: () => readonly Passage[];
  readonly reset: () => void;
}

/** Nothing has arrived yet. */
export function createTraffic(): Traffic {
  const inside = new Set<Passage>();
  let passages: Passage[] = [];
  return {
    arrive: (at) => {
      const met = Array.from(inside, (other) => ({ other, seen: !other.hungUp }));
      const passage: Passage = { at, outcome: 'pending', hungUp: false, waiting: false, met };
      inside.add(passage);
      passages.push(passage);
      lookAgain(met);
      return passage;
    },
    leave: (passage) => {
      inside.delete(passage);
    },
    logins: () => passages.filter((one) => one.username !== undefined),
    others: () => passages.filter((one) => one.username === undefined),
    reset: () => {
      passages = [...inside];
    },
  };
}

/**
 * A client that hung up before this request was sent may be noticed after it: the order in which one turn of the event
 * loop reports sockets says nothing. Two turns later every earlier hang-up is known.
 */
function lookAgain(met: readonly Meeting[]): void {
  setImmediate(() =>
    setImmediate(() => {
      for (const meeting of met) {
        meeting.seen = !meeting.other.hungUp;
      }
    }),
  );
}

/** Sums some password grants up. */
export function countLogins(logins: readonly Passage[]): LoginCounts {
  const outcome = (wanted: Passage['outcome']): number => logins.filter((one) => one.outcome === wanted).length;
  const meetings = logins.map((one) => one.met.filter(({ other }) => other.username === one.username));
  const seen = meetings.map((met) => met.filter((one) => one.seen).length);
  return {
    attempts: logins.length,
    logins: outcome('issued'),
    refusals: outcome('refused'),
    crashes: outcome('crashed'),
    overlapsSeen: seen.reduce((sum, count) => sum + count, 0),
    overlapsInside: meetings.reduce((sum, met) => sum + met.length, 0),
    // The most at once is reached when one arrives.
    maxInFlight: seen.reduce((most, count) => Math.max(most, count + 1), 0),
  };
}

import type { Grant, TokenRequest } from '../../lambda/broker/broker.ts';
import { credentialKey } from '../../lambda/broker/item.ts';
import { BrokerError } from '../../lambda/errors.ts';
import type { Host, Universe } from './simulation.ts';

/** One login as it truly went: from our first byte to our hanging up, and inside the server. True times. */
export interface TrueLogin {
  readonly number: number;
  readonly host: Host;
  readonly versionId: string;
  readonly sentAt: number;
  /** When our side ended it: by an answer read, by hanging up, or by dying. */
  closedAt?: number;
  arrivedAt?: number;
  /** When the server was done with it, or when it was lost on its way there. */
  finishedAt?: number;
  refused?: boolean;
  /** Whether its holder has marked what was refused. */
  marked: boolean;
  /** What kept its holder from marking it, or why it may be sent again. */
  excused?: string | undefined;
}

/** What the table said when a claim was applied. */
export interface ClaimedWorld {
  readonly isForced: boolean;
  readonly marks: readonly string[];
  /** The key of a refused version that has logged in before and is due to be tried again by this very claim. */
  readonly due: string | undefined;
}

/** A token as Fegora knows it. */
export interface TrueToken {
  readonly number: number;
  readonly expiresAt: number;
}

/** Knows the truth of one account, and says where the broker went against it. */
export interface Judge {
  /** Those of late, which are the ones that still matter. */
  readonly logins: readonly TrueLogin[];
  /** How many were sent in all. */
  readonly count: () => number;
  readonly tokens: Map<string, TrueToken>;
  readonly violations: readonly string[];
  readonly accuse: (violation: string) => void;
  readonly claimed: (host: Host, world: ClaimedWorld) => void;
  /** Something happened to a process that may keep it from marking what was refused. */
  readonly excuse: (host: Host, why: string) => void;
  /** A process is no more: its connections are closed. */
  readonly bereave: (host: Host) => void;
  /** What Fegora said before of this version, or of all, counts no longer. */
  readonly pardon: (why: string, versionId?: string) => void;
  /** A login's first byte. */
  readonly sent: (host: Host, versionId: string) => TrueLogin;
  readonly answered: (host: Host, request: TokenRequest, grant: Grant) => void;
  readonly failed: (host: Host, thrown: unknown) => void;
  /** How often two logins were inside the server at once although our side had ended the first. */
  readonly overlapsInside: () => number;
}

/** What marks speak of beside the version. */
export const clientId = 'apiApp';
export const tokenUrl = 'https://fegora.invalid/token';

export interface Jurisdiction {
  readonly account: string;
  /** Whether the server always ends its work within the lease, so that nothing may overlap inside it either. */
  readonly serverIsBounded: boolean;
}

const remembered = 200;
/** As the broker counts them, less what clocks may be apart. */
const forcedWindowMs = 5 * 60_000 - 8000;
const forcedPerWindow = 3;
/** After whatever failure, 5 s, less what clocks may be apart. */
const leastRestMs = 1000;

export function createJudge(universe: Universe, { account, serverIsBounded }: Jurisdiction): Judge {
  const logins: TrueLogin[] = [];
  const tokens = new Map<string, TrueToken>();
  const violations: string[] = [];
  const worlds = new WeakMap<Host, ClaimedWorld>();
  let count = 0;
  let overlapsInside = 0;
  let forced = { since: Number.NEGATIVE_INFINITY, count: 0 };
  const accuse = (violation: string): void => {
    universe.log(`! ${account}: ${violation}`);
    violations.push(violation);
  };

  return {
    logins,
    count: () => count,
    tokens,
    violations,
    accuse,
    claimed: (host, world) => {
      worlds.set(host, world);
    },
    excuse: (host, why) => {
      for (const login of logins.filter((one) => one.host === host && !one.marked)) {
        login.excused ??= why;
      }
    },
    bereave: (host) => {
      for (const login of logins.filter((one) => one.host === host)) {
        login.closedAt ??= universe.now();
        login.excused ??= login.marked ? undefined : 'its holder died';
      }
    },
    pardon: (why, versionId) => {
      for (const login of logins.filter((one) => versionId === undefined || one.versionId === versionId)) {
        login.excused ??= why;
      }
    },
    sent: (host, versionId) => {
      count += 1;
      const login: TrueLogin = { number: count, host, versionId, sentAt: universe.now(), marked: false };
      universe.log(`  ${host.name} sends login ${login.number} of ${account} with ${versionId}`);
      for (const other of logins) {
        meet(login, other);
      }
      lookForRepeatedRefusal(login);
      lookForHaste();
      countForced(login);
      logins.push(login);
      logins.splice(0, logins.length - remembered);
      return login;
    },
    answered: (host, { rejected }, { token, source }) => {
      const known = tokens.get(token.accessToken);
      universe.log(`  ${host.name} answers token ${known?.number} of ${account} from ${source}`);
      if (known === undefined) {
        accuse(`${host.name} handed out a token that Fegora never issued for the account`);
      } else if (known.expiresAt <= universe.now()) {
        accuse(`${host.name} handed out token ${known.number}, ${universe.now() - known.expiresAt} ms past its expiry`);
      }
      if (rejected === token.fingerprint) {
        accuse(`${host.name} handed out the very token that was reported`);
      }
    },
    failed: (host, thrown) => {
      universe.log(`  ${host.name} answers ${account} ${thrown instanceof BrokerError ? thrown.code : String(thrown)}`);
      if (!(thrown instanceof BrokerError) || thrown.code === 'internal') {
        const cause = thrown instanceof BrokerError ? thrown.cause : thrown;
        accuse(`${host.name} threw what is no error of the contract: ${cause instanceof Error ? cause.stack : cause}`);
      }
    },
    overlapsInside: () => overlapsInside,
  };

  function meet(login: TrueLogin, other: TrueLogin): void {
    if (other.finishedAt !== undefined) {
      return;
    }
    const pair = `login ${login.number} of ${login.host.name} meets login ${other.number} of ${other.host.name}`;
    if (other.closedAt === undefined) {
      accuse(`two logins in flight from us: ${pair}`);
    } else if (other.arrivedAt !== undefined) {
      overlapsInside += 1;
      if (serverIsBounded) {
        accuse(`two logins inside a server that takes less than the lease: ${pair}`);
      }
    }
  }

  /** Whoever was refused may have another version to send at once; everybody else waits a while. */
  function lookForHaste(): void {
    const { number, closedAt, refused, excused } = logins.at(-1) ?? {};
    const restMs = universe.now() - (closedAt ?? Number.NEGATIVE_INFINITY);
    if (refused !== true && excused === undefined && restMs < leastRestMs) {
      accuse(`a login ${restMs} ms after login ${number} had failed`);
    }
  }

  function countForced({ host, sentAt }: TrueLogin): void {
    if (worlds.get(host)?.isForced !== true) {
      return;
    }
    const isSame = sentAt < forced.since + forcedWindowMs;
    forced = isSame ? { ...forced, count: forced.count + 1 } : { since: sentAt, count: 1 };
    if (forced.count > forcedPerWindow) {
      accuse(`${forced.count} forced logins in five minutes`);
    }
  }

  function lookForRepeatedRefusal({ host, versionId }: TrueLogin): void {
    const key = credentialKey(versionId, clientId, tokenUrl);
    const { marks = [], due } = worlds.get(host) ?? {};
    if (due === key) {
      return;
    }
    if (marks.includes(key)) {
      accuse(`${versionId} is sent again, which was marked when it was claimed for`);
    }
    for (const { number, versionId: other, refused, excused } of logins) {
      if (refused === true && other === versionId && excused === undefined) {
        accuse(`${versionId} is sent again, which login ${number} had refused`);
      }
    }
  }
}

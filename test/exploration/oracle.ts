// Knows the truth of one account and records what the broker does wrong. Used by run.ts and test/soak.
import type { Grant, TokenRequest } from '../../lambda/broker/contract.ts';
import { credentialKey } from '../../lambda/broker/item.ts';
import { BrokerError } from '../../lambda/errors.ts';
import type { Host, Simulation } from './simulation.ts';

/** One login as it really happened, on our side and inside the server. All times are true times, epoch milliseconds. */
export interface TrueLogin {
  readonly number: number;
  readonly host: Host;
  readonly versionId: string;
  readonly sentAt: number;
  /** When our side ended it: it read the answer, hung up, or died. */
  closedAt?: number;
  arrivedAt?: number;
  /** When the server had finished it, or when the request was lost. */
  finishedAt?: number;
  refused?: boolean;
  /** Whether it sent a refresh token in place of the password, and whether Fegora refused that. */
  readonly isRefresh: boolean;
  isRefreshRefused?: boolean;
  readonly isForced: boolean;
  /** Whether the version logged in later, or an operator cleared the rejections: the refusal does not count any more. */
  isForgotten?: boolean;
  /** Whether its process stored the rejection. */
  isRejectionStored: boolean;
  /** Why the same version may be sent again although it was refused. */
  excused?: string | undefined;
}

/** The item at the moment of a claim. */
export interface ClaimState {
  readonly isForced: boolean;
  /** Keys of rejected credentials. */
  readonly rejected: readonly string[];
  /** Keys of rejected versions that this claim may retry: one that logged in before, or that gets a late try. */
  readonly retried: readonly string[];
}

/** A token as Fegora knows it. */
export interface TrueToken {
  readonly number: number;
  readonly expiresAt: number;
}

/** Records what happens to one account and checks it against the promises. */
export interface Oracle {
  /** The latest logins: older ones no longer matter. */
  readonly logins: readonly TrueLogin[];
  /** Number of all logins. */
  readonly count: () => number;
  readonly tokens: Map<string, TrueToken>;
  readonly violations: readonly string[];
  readonly addViolation: (violation: string) => void;
  readonly claimed: (host: Host, state: ClaimState) => void;
  /** Something happened to a process, so it may fail to store its rejections. */
  readonly excuse: (host: Host, why: string) => void;
  /** A process died, so its connections are closed. */
  readonly hostDied: (host: Host) => void;
  /** Earlier refusals of this version, or of all versions, no longer count. */
  readonly excuseVersion: (why: string, versionId?: string) => void;
  /** The first byte of a login was sent. */
  readonly sent: (host: Host, versionId: string, refreshToken?: string) => TrueLogin;
  /** Number of all logins that sent a refresh token. */
  readonly refreshes: () => number;
  readonly answered: (host: Host, request: TokenRequest, grant: Grant) => void;
  readonly failed: (host: Host, thrown: unknown) => void;
  /** How often the server worked on two logins at once although our side had ended the first. */
  readonly overlapsInside: () => number;
}

/** The other parts of a credential key. */
export const clientId = 'apiApp';
export const tokenUrl = 'https://fegora.invalid/token';

export interface OracleOptions {
  readonly account: string;
  /** Whether the server always finishes within the lease. If so, logins must not overlap inside it either. */
  readonly serverIsBounded: boolean;
}

const mostLogins = 200;
/** The broker's window for forced logins, less the clock differences. */
const forcedWindowMs = 5 * 60_000 - 8000;
const forcedPerWindow = 3;
const mostRefusals = 3;
/** Promise 71 counts refusals up to this time after the send. No call of the broker is left to hear a later one. */
const latestRefusalMs = 20_000;
/** Less the clock differences, and the seconds that the logs are rounded to. */
const hourMs = 3_600_000 - 8000;
const dayMs = 24 * 3_600_000 - 8000;
/** The shortest back-off of 5 s, less the clock differences. */
const leastBackoffMs = 1000;

export function createOracle(simulation: Simulation, { account, serverIsBounded }: OracleOptions): Oracle {
  const logins: TrueLogin[] = [];
  const tokens = new Map<string, TrueToken>();
  const violations: string[] = [];
  const claims = new WeakMap<Host, ClaimState>();
  const sentRefreshTokens = new Set<string>();
  let count = 0;
  let overlapsInside = 0;
  const addViolation = (violation: string): void => {
    simulation.log(`! ${account}: ${violation}`);
    violations.push(violation);
  };

  return {
    logins,
    count: () => count,
    refreshes: () => sentRefreshTokens.size,
    tokens,
    violations,
    addViolation,
    claimed: (host, state) => {
      claims.set(host, state);
    },
    excuse: (host, why) => {
      for (const login of logins.filter((one) => one.host === host && !one.isRejectionStored)) {
        login.excused ??= why;
      }
    },
    hostDied: (host) => {
      for (const login of logins.filter((one) => one.host === host)) {
        login.closedAt ??= simulation.now();
        login.excused ??= login.isRejectionStored ? undefined : 'its process died';
      }
    },
    excuseVersion: (why, versionId) => {
      for (const login of logins.filter((one) => versionId === undefined || one.versionId === versionId)) {
        login.excused ??= why;
        login.isForgotten = true;
      }
    },
    sent: (host, versionId, refreshToken) => {
      count += 1;
      const login: TrueLogin = {
        number: count,
        host,
        versionId,
        sentAt: simulation.now(),
        isRejectionStored: false,
        isForced: claims.get(host)?.isForced === true,
        isRefresh: refreshToken !== undefined,
      };
      const what = refreshToken ?? versionId;
      simulation.log(`  ${host.name} sends login ${login.number} of ${account} with ${what}`);
      noteRefreshToken(login, refreshToken);
      for (const other of logins) {
        checkOverlap(login, other);
      }
      checkBackoff();
      checkForcedLogins(login);
      if (!login.isRefresh) {
        checkRepeatedRefusal(login);
        checkRefusedSends(login);
      }
      logins.push(login);
      logins.splice(0, logins.length - mostLogins);
      return login;
    },
    answered: (host, { rejected }, { token, source }) => {
      const known = tokens.get(token.accessToken);
      simulation.log(`  ${host.name} answers token ${known?.number} of ${account} from ${source}`);
      if (known === undefined) {
        addViolation(`${host.name} handed out a token that Fegora never issued for the account`);
      } else if (known.expiresAt <= simulation.now()) {
        addViolation(
          `${host.name} handed out token ${known.number}, ${simulation.now() - known.expiresAt} ms past its expiry`,
        );
      }
      if (rejected === token.fingerprint) {
        addViolation(`${host.name} handed out the token that was reported`);
      }
    },
    failed: (host, thrown) => {
      simulation.log(
        `  ${host.name} answers ${account} ${thrown instanceof BrokerError ? thrown.code : String(thrown)}`,
      );
      if (!(thrown instanceof BrokerError) || thrown.code === 'internal') {
        const cause = thrown instanceof BrokerError ? thrown.cause : thrown;
        addViolation(
          `${host.name} threw an error that is not part of the contract: ${cause instanceof Error ? cause.stack : cause}`,
        );
      }
    },
    overlapsInside: () => overlapsInside,
  };

  function checkOverlap(login: TrueLogin, other: TrueLogin): void {
    if (other.finishedAt !== undefined) {
      return;
    }
    const pair = `login ${login.number} of ${login.host.name} overlaps login ${other.number} of ${other.host.name}`;
    if (other.closedAt === undefined) {
      addViolation(`two logins in flight from our side: ${pair}`);
    } else if (other.arrivedAt !== undefined) {
      overlapsInside += 1;
      if (serverIsBounded) {
        addViolation(`two logins inside a server that takes less time than the lease: ${pair}`);
      }
    }
  }

  /** A claim takes the refresh token, so no two logins send the same one. */
  function noteRefreshToken({ number, isForced }: TrueLogin, refreshToken: string | undefined): void {
    if (refreshToken === undefined) {
      return;
    }
    if (sentRefreshTokens.has(refreshToken)) {
      addViolation(`login ${number} sends ${refreshToken} again`);
    }
    if (isForced) {
      addViolation(`login ${number} was forced by a reported token, and sends ${refreshToken}`);
    }
    sentRefreshTokens.add(refreshToken);
  }

  /** After a refusal, another version may be sent at once. After any other failure there must be a back-off. */
  function checkBackoff(): void {
    const { number, closedAt, refused, isRefreshRefused, excused } = logins.at(-1) ?? {};
    const backoffMs = simulation.now() - (closedAt ?? Number.NEGATIVE_INFINITY);
    const isRefused = refused === true || isRefreshRefused === true;
    if (!isRefused && excused === undefined && backoffMs < leastBackoffMs) {
      addViolation(`a login only ${backoffMs} ms after login ${number} had failed`);
    }
  }

  function checkForcedLogins({ host, sentAt }: TrueLogin): void {
    if (claims.get(host)?.isForced !== true) {
      return;
    }
    const granted = new Set([...tokens.values()].map(({ number }) => number));
    const before = logins.filter(
      ({ number, isForced, sentAt: at }) => isForced && granted.has(number) && at > sentAt - forcedWindowMs,
    );
    if (before.length >= forcedPerWindow) {
      addViolation(`${before.length + 1} forced logins in five minutes`);
    }
  }

  /** Whatever happened to the processes: the claims have counted what they sent. */
  function checkRefusedSends({ versionId, sentAt }: TrueLogin): void {
    const refusals = logins.filter(
      (one) =>
        one.refused === true &&
        one.isForgotten !== true &&
        (one.finishedAt ?? Number.POSITIVE_INFINITY) <= one.sentAt + latestRefusalMs,
    );
    const ofVersion = refusals.filter((one) => one.versionId === versionId && one.sentAt > sentAt - dayMs);
    const inHour = refusals.filter((one) => one.sentAt > sentAt - hourMs);
    if (ofVersion.length >= mostRefusals) {
      addViolation(`${versionId} is sent again after ${ofVersion.length} refusals in 24 hours`);
    }
    if (inHour.length >= mostRefusals) {
      addViolation(`a login after ${inHour.length} refusals of the user in an hour`);
    }
  }

  function checkRepeatedRefusal({ host, versionId }: TrueLogin): void {
    const key = credentialKey(versionId, clientId, tokenUrl);
    const { rejected = [], retried = [] } = claims.get(host) ?? {};
    if (retried.includes(key)) {
      return;
    }
    if (rejected.includes(key)) {
      addViolation(`${versionId} is sent again although it was rejected when it was claimed for`);
    }
    for (const { number, versionId: other, refused, excused } of logins) {
      if (refused === true && other === versionId && excused === undefined) {
        addViolation(`${versionId} is sent again although Fegora had refused it at login ${number}`);
      }
    }
  }
}

// Keeps the one token of a client, and decides how long to use it. Called by token-client.ts.
import type { TimedResponse } from './retry.ts';

/** An access token, and what its caller may know about it. */
export interface AccessToken {
  /** The token itself. Keep it out of logs. */
  readonly accessToken: string;
  /** When Fegora stops accepting the token, by the clock of this machine. Epoch milliseconds. */
  readonly expiresAt: number;
  /** The same time by the broker's clock, as in its records: ISO 8601, UTC. Undefined if the response had none. */
  readonly reportedExpiry?: string;
  /** SHA-256 of the access token, 64 hex digits. It is safe in logs, and it identifies a rejected token. */
  readonly fingerprint: string;
  /** The account that the token is of. */
  readonly account: string;
  /** `min_validity_unmet` or `renewal_failing`: the token is valid, but for less time than it should be. */
  readonly warning?: string;
}

interface CachedToken {
  readonly token: AccessToken;
  /** The longest remaining life in any response with this token: the best known value of its lifetime. Milliseconds. */
  readonly lifetimeMs: number;
  /** The remaining life in the last response. Milliseconds. */
  readonly reportedMs: number;
  /** The validity that the last request asked for. Milliseconds. */
  readonly askedMs: number;
  /** When early renewal starts. Epoch milliseconds. */
  readonly renewAt: number;
}

/** The cache of one token. All times are epoch milliseconds. */
export interface TokenCache {
  /** Stores the token of a response and returns it. `askedMs` is the validity that the request asked for. */
  readonly store: (received: TimedResponse, askedMs: number) => AccessToken;
  /** Returns the token while it has more than its margin left. */
  readonly servable: (now: number) => AccessToken | undefined;
  /**
   * Returns true if the token is valid for `askedMs`. Also true if a request asked for at least that, the broker had no
   * better token, and this token still has half of the life that it had then.
   */
  readonly suffices: (askedMs: number, now: number) => boolean;
  /** Returns true if it is time to renew the token early. */
  readonly renewable: (now: number) => boolean;
  /**
   * After this call, the token with this fingerprint cannot replace another token. A response that was sent before the
   * rejection may still arrive.
   */
  readonly reject: (fingerprint: string) => void;
}

const secondMs = 1000;
const maxMarginMs = 60 * secondMs;
const minMarginMs = 2 * secondMs;
const maxWindowMs = 300 * secondMs;
const sameTokenPauseMs = 30 * secondMs;

/** The life that a token must have left to be handed out: a tenth of its lifetime, from 2 s to 60 s. Milliseconds. */
export function marginMs(lifetimeMs: number): number {
  return Math.min(maxMarginMs, Math.max(lifetimeMs / 10, minMarginMs));
}

/**
 * The length of the renewal window: the last part of a token's life, in which the client asks for a new token early.
 * It is half of the broker's own window, so the broker is ready to renew at the first request. `jitter`, from 0 to 1,
 * shortens the window by up to a quarter. Milliseconds.
 */
export function windowMs(lifetimeMs: number, jitter: number): number {
  return Math.min(maxWindowMs, lifetimeMs / 6) * (1 - jitter / 4);
}

/** Returns an empty cache. `jitter`, from 0 to 1, stays the same for the life of the client. */
export function createTokenCache(jitter: number): TokenCache {
  let cached: CachedToken | undefined;
  let rejected: string | undefined;

  function replace(token: AccessToken, reportedMs: number, askedMs: number): void {
    const same = cached?.token.fingerprint === token.fingerprint ? cached : undefined;
    const lifetimeMs = Math.max(reportedMs, same?.lifetimeMs ?? 0);
    const opensAt = token.expiresAt - windowMs(lifetimeMs, jitter);
    const sentAt = token.expiresAt - reportedMs;
    const renewAt = same === undefined ? opensAt : Math.max(opensAt, sentAt + sameTokenPauseMs);
    cached = { token, lifetimeMs, reportedMs, askedMs, renewAt };
  }

  return {
    store: ({ response, sentAt }, askedMs) => {
      const { expiresIn, ...rest } = response;
      // The life counts from before the request. The broker's clock plays no part, and a slow response never makes the
      // token look valid for longer than it is.
      const token = { ...rest, expiresAt: sentAt + expiresIn * secondMs };
      if (token.fingerprint !== rejected || cached?.token.fingerprint === rejected) {
        // The warning belongs to this request only. The next request may ask for less validity.
        const { warning, ...withoutWarning } = token;
        replace(withoutWarning, expiresIn * secondMs, askedMs);
      }
      return token;
    },
    servable: (now) =>
      cached !== undefined && cached.token.expiresAt - now > marginMs(cached.lifetimeMs) ? cached.token : undefined,
    suffices: (askedMs, now) => {
      const leftMs = (cached?.token.expiresAt ?? 0) - now;
      return (
        leftMs >= askedMs || (cached !== undefined && askedMs <= cached.askedMs && leftMs >= cached.reportedMs / 2)
      );
    },
    renewable: (now) => cached !== undefined && now >= cached.renewAt,
    reject: (fingerprint) => {
      rejected = fingerprint;
    },
  };
}

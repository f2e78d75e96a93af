import type { Heard } from './retry.ts';

/** An access token and what its holder may know of it. */
export interface AccessToken {
  readonly accessToken: string;
  /** When Fegora stops accepting it, by this machine's clock. Epoch milliseconds. */
  readonly expiresAt: number;
  /** SHA-256 of the access token, 64 hex digits: safe to log, and how a rejected token is named. */
  readonly fingerprint: string;
  readonly account: string;
  /** `min_validity_unmet` or `renewal_failing`: the token is good, but not as long as it should be. */
  readonly warning?: string;
}

interface Held {
  readonly token: AccessToken;
  /** The longest life this token was ever told to have left: the lifetime as far as it is known. Milliseconds. */
  readonly lifetimeMs: number;
  /** The life it was last told to have left, and the validity asked for then. Milliseconds. */
  readonly toldMs: number;
  readonly askedMs: number;
  /** From here on a new one is asked for early. Epoch milliseconds. */
  readonly renewAt: number;
}

/** The one token a client keeps. All times are epoch milliseconds. */
export interface Memory {
  /** Keeps an answer to a question that asked for this much validity. */
  readonly keep: (heard: Heard, askedMs: number) => AccessToken;
  /** The token, while it has more than its margin left. */
  readonly servable: (now: number) => AccessToken | undefined;
  /** Whether it is valid for as long as asked, or the broker was asked for that much and had no better. */
  readonly suffices: (askedMs: number, now: number) => boolean;
  readonly renewable: (now: number) => boolean;
  /** A token of this fingerprint no longer replaces another: an answer sent before the rejection may still arrive. */
  readonly reject: (fingerprint: string) => void;
}

const secondMs = 1000;
const longestMarginMs = 60 * secondMs;
const shortestMarginMs = 2 * secondMs;
const longestWindowMs = 300 * secondMs;
const askAgainMs = 30 * secondMs;

/** How much life a token must still have to be handed out: a tenth of its lifetime, 2 s to 60 s. Milliseconds. */
export function marginMs(lifetimeMs: number): number {
  return Math.min(longestMarginMs, Math.max(lifetimeMs / 10, shortestMarginMs));
}

/**
 * The last part of a life in which a new token is asked for early: half as long as the broker's own window, so that the
 * first question finds the broker ready to renew. `jitter`, 0 to 1, opens it up to a quarter later. Milliseconds.
 */
export function windowMs(lifetimeMs: number, jitter: number): number {
  return Math.min(longestWindowMs, lifetimeMs / 6) * (1 - jitter / 4);
}

/** `jitter`, from 0 to 1, is fixed for this client. */
export function tokenMemory(jitter: number): Memory {
  let held: Held | undefined;
  let rejected: string | undefined;

  function hold(token: AccessToken, toldMs: number, askedMs: number): void {
    const same = held?.token.fingerprint === token.fingerprint ? held : undefined;
    const lifetimeMs = Math.max(toldMs, same?.lifetimeMs ?? 0);
    const opensAt = token.expiresAt - windowMs(lifetimeMs, jitter);
    const heardAt = token.expiresAt - toldMs;
    const renewAt = same === undefined ? opensAt : Math.max(opensAt, heardAt + askAgainMs);
    held = { token, lifetimeMs, toldMs, askedMs, renewAt };
  }

  return {
    keep: ({ answer, sentAt }, askedMs) => {
      const { expiresIn, ...rest } = answer;
      // Counted from before the question: the broker's clock is not asked, and the way back costs the token, not us.
      const token = { ...rest, expiresAt: sentAt + expiresIn * secondMs };
      if (token.fingerprint !== rejected || held?.token.fingerprint === rejected) {
        // The warning is about this question, and the next one may ask for less.
        const { warning, ...bare } = token;
        hold(bare, expiresIn * secondMs, askedMs);
      }
      return token;
    },
    servable: (now) =>
      held !== undefined && held.token.expiresAt - now > marginMs(held.lifetimeMs) ? held.token : undefined,
    suffices: (askedMs, now) => {
      const leftMs = (held?.token.expiresAt ?? 0) - now;
      return leftMs >= askedMs || (held !== undefined && askedMs <= held.askedMs && leftMs >= held.toldMs / 2);
    },
    renewable: (now) => held !== undefined && now >= held.renewAt,
    reject: (fingerprint) => {
      rejected = fingerprint;
    },
  };
}

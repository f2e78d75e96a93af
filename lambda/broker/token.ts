// A token and the rules of its life: margin, renewal window, gap between logins. Pure; used by the whole core.
import { createHash } from 'node:crypto';

/** An access token of one account, with the lifetime we believe in. */
export interface Token {
  readonly accessToken: string;
  /** SHA-256 of the access token, 64 hex digits: how a token is named wherever it must not be shown. */
  readonly fingerprint: string;
  /** Our own wall clock just before the login was sent. Epoch milliseconds. */
  readonly issuedAt: number;
  /** Milliseconds, 5 s to 30 days, or 60 s where Fegora said nothing usable. */
  readonly lifetimeMs: number;
  /** VersionId of the secret that logged in. */
  readonly versionId: string;
}

/** The members of Fegora's answer that speak of time, as they came. */
export interface LifetimeClaims {
  readonly expires_in?: unknown;
  readonly '.issued'?: unknown;
  readonly '.expires'?: unknown;
}

const unknownLifetimeMs = 60_000;
const shortestLifetimeMs = 5000;
const longestLifetimeMs = 30 * 24 * 3_600_000;

/**
 * How long a token lives by Fegora's answer: the shorter of `expires_in` and `.expires` − `.issued` of those that
 * parse; 60 s where neither does; at most 30 days. Both are differences, so a clock that is off on either side cannot
 * stretch them.
 *
 * @returns milliseconds; undefined if that is under 5 s, or if `expires_in` is 0, negative or not a number
 * @see RFC 6749 section 5.1 (`expires_in`); Fegora's page «Solicitar Token» (`.issued`, `.expires`)
 */
export function lifetimeOf(claims: LifetimeClaims): number | undefined {
  const stated = [statedSeconds(claims.expires_in), statedSpan(claims['.issued'], claims['.expires'])];
  const usable = stated.filter((ms) => ms !== undefined);
  const lifetimeMs = usable.length === 0 ? unknownLifetimeMs : Math.min(...usable, longestLifetimeMs);
  return lifetimeMs >= shortestLifetimeMs ? lifetimeMs : undefined;
}

/** A whole number, as a JSON number or a string of digits; `NaN` is not a lifetime; any other value says nothing. */
function statedSeconds(value: unknown): number | undefined {
  if (typeof value === 'string' && /^(-?\d{1,16}|NaN)$/.test(value)) {
    return Number(value) * 1000;
  }
  return typeof value === 'number' ? value * 1000 : undefined;
}

function statedSpan(issued: unknown, expires: unknown): number | undefined {
  if (typeof issued !== 'string' || typeof expires !== 'string') {
    return undefined;
  }
  const spanMs = parseDate(expires) - parseDate(issued);
  return Number.isNaN(spanMs) ? undefined : spanMs;
}

const httpDate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT$/;
const isoDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** Epoch milliseconds of a date as HTTP writes it, else NaN: `Date.parse` alone would find a date in nearly any text. */
export function parseHttpDate(text: string): number {
  return httpDate.test(text) ? Date.parse(text) : Number.NaN;
}

function parseDate(text: string): number {
  return isoDate.test(text) ? Date.parse(text) : parseHttpDate(text);
}

/** When Fegora stops accepting the token, by our clock. Epoch milliseconds. */
export function expiresAt(token: Token): number {
  return token.issuedAt + token.lifetimeMs;
}

/**
 * How much life a token must still have to be handed out: a tenth, at least 2 s (how far AWS hosts' clocks may be
 * apart), at most 60 s. Milliseconds.
 */
export function marginMs(lifetimeMs: number): number {
  return Math.min(60_000, Math.max(lifetimeMs / 10, 2000));
}

/** From here on the token is not handed out any more. Epoch milliseconds. */
export function servableUntil(token: Token): number {
  return expiresAt(token) - marginMs(token.lifetimeMs);
}

/**
 * Where the renewal window opens: the last third of the life, at most its last 10 minutes. `jitter`, from 0 to 1 and
 * fixed for an environment, opens it up to a quarter later, so that environments do not all look at the table at once.
 * Epoch milliseconds.
 */
export function renewableFrom(token: Token, jitter: number): number {
  const windowMs = Math.min(600_000, token.lifetimeMs / 3);
  return expiresAt(token) - windowMs * (1 - jitter / 4);
}

/** The least time between two logins of one account, forced ones excepted: half a life, 5 s to 60 s. Milliseconds. */
export function loginGapMs(lifetimeMs: number): number {
  return Math.min(60_000, Math.max(5000, lifetimeMs / 2));
}

/** Whether a token has the validity asked for, which counts as half its lifetime where more was asked. */
export function meetsValidity(token: Token, askedMs: number, now: number): boolean {
  return expiresAt(token) - now >= Math.min(askedMs, token.lifetimeMs / 2);
}

/** SHA-256 of an access token, 64 hex digits. */
export function fingerprint(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex');
}

/**
 * Binds a stored token to its account and its times: an item that was damaged, cut or copied to another account shows.
 * It does not protect against someone who may write the table. 64 hex digits.
 */
export function seal(account: string, token: Token): string {
  const sealed = [account, token.accessToken, token.issuedAt, token.lifetimeMs, token.versionId];
  return createHash('sha256').update(JSON.stringify(sealed)).digest('hex');
}

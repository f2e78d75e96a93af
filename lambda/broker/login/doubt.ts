// What protects a Fegora user from passwords that may be wrong: how often one may be sent. Pure; used by the whole login.

import { dayMs, hourMs } from '../clock.ts';
import type { LogEntry } from '../item.ts';

/** Sends of this user whose password Fegora refused or may have refused. The tag is `keyTag` of the credentials. */
export type SendLog = readonly LogEntry[];

/** How often one version of the secret may be sent without a token in 24 hours, and one user's in an hour. */
const mostSends = 3;

/** Names credentials in the log. @param key `credentialKey` */
export function keyTag(key: string): string {
  return key.slice(0, 8);
}

/** The entries that still count. */
export function recent(log: readonly LogEntry[], now: number): readonly LogEntry[] {
  return log.filter(({ at }) => at > now - dayMs);
}

/**
 * Until when these credentials must not be sent, because they were sent three times in 24 hours without a token. 0 if they
 * may be sent. Epoch milliseconds.
 */
export function sendableAt(sends: SendLog, key: string, now: number): number {
  const own = sends.filter(({ tag }) => tag === keyTag(key));
  return fullUntil(own, { most: mostSends, windowMs: dayMs }, now);
}

/**
 * Until when the user rests, because three sends of any of its passwords brought no token within an hour: a few more, and
 * Fegora may lock the user. 0 if it does not rest. Epoch milliseconds.
 */
export function restsUntil(sends: SendLog, now: number): number {
  return fullUntil(sends, { most: mostSends, windowMs: hourMs }, now);
}

/** Whether these credentials were not sent within the hour. */
export function hasRested(sends: SendLog, key: string, now: number): boolean {
  return !sends.some(({ at, tag }) => at > now - hourMs && tag === keyTag(key));
}

/** Whether credentials other than these were sent without a token within the hour: the user may have been locked then. */
export function mayBeLocked(sends: SendLog, key: string, now: number): boolean {
  return sends.some(({ at, tag }) => at > now - hourMs && tag !== keyTag(key));
}

/**
 * Until when a log has as many entries in its latest window as it may have. 0 if it has fewer. Epoch milliseconds.
 *
 * @param limit `most` entries in any `windowMs`
 */
export function fullUntil(
  log: readonly LogEntry[],
  { most, windowMs }: { readonly most: number; readonly windowMs: number },
  now: number,
): number {
  const oldest = log.filter(({ at }) => at > now - windowMs).at(-most);
  return oldest === undefined ? 0 : oldest.at + windowMs;
}

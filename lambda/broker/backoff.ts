import type { BrokerError } from '../errors.ts';

/** What a failed login says about when to try again. */
export interface Failure {
  readonly error: BrokerError;
  readonly answer: string;
  readonly retryAfterMs?: number;
}

const shortMs = 5000;
const longestRetryAfterMs = 300_000;
const refusedMs = 5 * 60_000;
const doubtfulMs = 60_000;
const longestDoubtMs = 6 * 3_600_000;
const sickMs = 60_000;

/** This many HTML 500 in a row are taken for an account that Fegora cannot log in at all (two refresh-token rows). */
const sickAfter = 3;

/**
 * How long nobody tries again after a login failed. `inRow` counts equal answers in a row, this one included; `random`
 * spreads the short hold, from 0 to 1. Milliseconds.
 */
export function holdMs(failure: Failure, inRow: number, random: number): number {
  const askedMs = Math.min(failure.retryAfterMs ?? 0, longestRetryAfterMs);
  return Math.max(askedMs, ownHoldMs(failure, inRow, random));
}

function ownHoldMs({ answer, error }: Failure, inRow: number, random: number): number {
  if (answer === 'unknown_400') {
    return Math.min(doubtfulMs * 2 ** (inRow - 1), longestDoubtMs);
  }
  if (isSick(answer, inRow)) {
    return sickMs;
  }
  return error.retryable ? shortMs * (1 + random / 4) : refusedMs;
}

/** Whether Fegora's own page says, again and again, that it cannot serve this account. */
export function isSick(answer: string, inRow: number): boolean {
  return answer === 'html_500' && inRow >= sickAfter;
}

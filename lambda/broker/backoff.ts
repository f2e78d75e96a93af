// How long no environment logs in after a login failed. Pure; called by lease-records.ts.
import type { FailedLogin } from './ports.ts';

/** What of a failed login the back-off depends on. */
export type FailedAnswer = Pick<FailedLogin, 'error' | 'answer' | 'retryAfterMs'>;

const shortMs = 5000;
const longestRetryAfterMs = 300_000;
const refusedMs = 5 * 60_000;
const doubtfulMs = 60_000;
const longestDoubtMs = 6 * 3_600_000;
const brokenMs = 60_000;

/** After this many HTML 500 in a row, Fegora probably cannot log in the account at all (two refresh-token rows). */
const brokenAfter = 3;

/**
 * How long no environment tries again. Milliseconds.
 *
 * @param inRow how many equal answers in a row, this one included
 * @param random from 0 to 1; spreads the short back-off
 */
export function backoffMs(failed: FailedAnswer, inRow: number, random: number): number {
  const askedMs = Math.min(failed.retryAfterMs ?? 0, longestRetryAfterMs);
  return Math.max(askedMs, ownBackoffMs(failed, inRow, random));
}

function ownBackoffMs({ answer, error }: FailedAnswer, inRow: number, random: number): number {
  if (answer === 'doubt') {
    return Math.min(doubtfulMs * 2 ** (inRow - 1), longestDoubtMs);
  }
  if (isAccountBroken(answer, inRow)) {
    return brokenMs;
  }
  return error.retryable ? shortMs * (1 + random / 4) : refusedMs;
}

/** Whether Fegora's own error page came so often in a row that the account itself may be broken. */
export function isAccountBroken(answer: string, inRow: number): boolean {
  return answer === 'html_500' && inRow >= brokenAfter;
}

/** What a failed login means for the next one. */
export type FailureClass = 'unsent' | 'refused' | 'doubt' | 'throttled' | 'unavailable' | 'unknown' | 'other';

/**
 * Returns the class of a failed login. `unsent`: Fegora did not get the password. `refused`: Fegora refused it. `doubt`:
 * Fegora may have refused it. `unknown`: it is not known whether the login took place.
 */
export function classOf({ reached, answer }: Pick<FailedLogin, 'reached' | 'answer'>): FailureClass {
  if (reached !== 'answered') {
    return reached === 'no' ? 'unsent' : 'unknown';
  }
  switch (answer) {
    case 'invalid_grant':
      return 'refused';
    case 'doubt':
      return 'doubt';
    case 'upstream_throttled':
      return 'throttled';
    case 'upstream_unavailable':
    case 'html_500':
      return 'unavailable';
    default:
      return 'other';
  }
}

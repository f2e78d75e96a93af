// How long no environment logs in after a login failed. Pure; called by lease-records.ts.
import { hourMs, minuteMs, secondMs } from '../clock.ts';
import type { FailedLogin } from './login-outcome.ts';

/** What a failure says about the next login. The more failures of one class, the longer the back-off. */
export type FailureClass = 'unsent' | 'refused' | 'doubt' | 'throttled' | 'unavailable' | 'unknown' | 'other';

const longestRetryAfterMs = 300 * secondMs;
/** Fegora is asked every 5 s for about a minute, so that a short outage ends soon. */
const quickTries = 12;
/** An outage in which Fegora answers nothing is probed at each lease's end for about a minute. */
const quickUnknownTries = 5;
const unknownMs = 17 * secondMs;
const brokenMs = minuteMs;

/** After this many HTML 500 in a row, Fegora probably cannot log in the account at all (two refresh-token rows). */
const brokenAfter = 3;

/** The class of a failed login. */
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
    case 'html_500':
    case 'upstream_unavailable':
      return 'unavailable';
    default:
      return 'other';
  }
}

/**
 * How long no environment tries again. Milliseconds. An unknown outcome also waits for its lease to end.
 *
 * @param inRow how many failures of this class since the latest token, this one included
 * @param random from 0 to 1; spreads the short back-offs
 */
export function backoffMs(failed: Omit<FailedLogin, 'kind'>, inRow: number, random: number): number {
  return Math.max(cappedRetryAfterMs(failed.retryAfterMs ?? 0), ownBackoffMs(failed, inRow, random));
}

/** What Fegora asked for, as far as it is obeyed. Milliseconds. */
export function cappedRetryAfterMs(askedMs: number): number {
  return Math.min(askedMs, longestRetryAfterMs);
}

function ownBackoffMs(failed: Omit<FailedLogin, 'kind'>, inRow: number, random: number): number {
  switch (classOf(failed)) {
    case 'unsent':
      // No password went out, so nothing is to be protected.
      return 5 * secondMs * (1 + random / 4);
    case 'unavailable':
      return isAccountBroken(failed.answer, inRow)
        ? brokenMs
        : grown(5 * secondMs * (1 + random / 4), inRow - quickTries, minuteMs);
    case 'throttled':
      return grown(30 * secondMs, inRow - 1, 15 * minuteMs);
    case 'doubt':
    case 'refused':
      return grown(minuteMs, inRow - 1, 6 * hourMs);
    case 'unknown':
      return inRow <= quickUnknownTries ? 0 : grown(unknownMs, inRow - quickUnknownTries, 30 * minuteMs);
    case 'other':
      return grown(5 * minuteMs, inRow - 1, hourMs);
  }
}

/** Doubled once for each step over 0. */
function grown(ms: number, steps: number, mostMs: number): number {
  return Math.min(ms * 2 ** Math.max(0, steps), mostMs);
}

/**
 * Whether the next login should listen long for a late answer. A login that is given up while Fegora works on it would
 * overlap with the next one inside Fegora. Only after a login without any answer, two of three listen for the usual time:
 * Fegora is probably down, and its return is noticed sooner.
 *
 * @param unanswered how many logins got no answer since the latest token
 */
export function isPatientNext(unanswered: number): boolean {
  return unanswered === 0 || unanswered % 3 === 2;
}

/** Whether Fegora's own error page came so often in a row that the account itself may be broken. */
export function isAccountBroken(answer: string, inRow: number): boolean {
  return answer === 'html_500' && inRow >= brokenAfter;
}

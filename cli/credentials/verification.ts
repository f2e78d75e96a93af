// Lets the broker log in with credentials that were just stored. Called by credentials-set.ts.
import { setTimeout } from 'node:timers/promises';
import { invokeAdmin, unexpectedAnswer } from '../aws/admin.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Output } from '../output/output.ts';
import type { Target } from '../target.ts';

type Answer = Readonly<Record<string, unknown>>;

/** What is printed of a login that succeeded. */
interface Verdict {
  readonly document: object;
  readonly line: string;
}

/** How long the command waits until the broker may log in. Between two logins of a user there is at most a minute. Seconds. */
const longestWait = 75;

const verdicts = new Map<unknown, string>([
  ['renewed', 'Fegora takes them'],
  ['fresh', 'in use already'],
]);

/**
 * Lets the broker log in with the new credentials, and returns what to print. Waits if the broker must not log in yet.
 *
 * @throws CommandError if the broker did not log in, TokenBrokerError if the login failed
 */
export async function verify(target: Target, output: Output, account: string): Promise<Verdict> {
  let left = longestWait;
  for (;;) {
    output.waitFor('waiting for Fegora');
    const answer = await invokeAdmin(target, { action: 'verify', account });
    if (answer.outcome !== 'skipped') {
      return verdictOf(account, answer);
    }
    const seconds = Number(answer.retry_after ?? Number.NaN);
    if (!(seconds >= 1 && seconds <= left)) {
      throw notTried(account, seconds);
    }
    output.note(`a login was a moment ago, so the broker logs in with them in ${seconds} s`);
    output.waitFor('waiting until the broker may log in');
    await setTimeout(seconds * 1000);
    left -= seconds;
  }
}

function verdictOf(account: string, { outcome, expires_at: expiresAt }: Answer): Verdict {
  const verdict = verdicts.get(outcome);
  if (verdict === undefined) {
    throw unexpectedAnswer();
  }
  const until = expiresAt === undefined ? '' : ` (token valid until ${expiresAt})`;
  return {
    document: { outcome, ...(expiresAt !== undefined && { expires_at: expiresAt }) },
    line: `${account}: ${verdict}${until}`,
  };
}

function notTried(account: string, seconds: number): CommandError {
  const when = seconds >= 1 ? `; a login is possible in ${seconds} s` : '';
  const why = `because a login is in progress or was a moment ago${when}; the next renewal uses them`;
  return new CommandError(exitCodes.tryLater, `${account}: stored, but not tried now, ${why}`);
}

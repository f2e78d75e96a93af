import type { Broker, Upkeep } from '../broker/broker.ts';
import { isSameSecret } from '../config.ts';
import { asBrokerError, BrokerError } from '../errors.ts';
import { membersOf } from '../json.ts';
import { forEachAccount } from './each-account.ts';
import type { Report, Result, Serve } from './invocation.ts';

/** What accounts are kept warm with. */
export interface WarmupParts {
  readonly broker: Pick<Broker, 'warm' | 'verify'>;
  /** Account to secret id. */
  readonly accounts: ReadonlyMap<string, string>;
  readonly report: Pick<Report, 'failed' | 'ran'>;
}

/** What an event asks for: `warm` or `verify`, and of which accounts, known or not. */
interface Task {
  readonly work: 'warm' | 'verify';
  readonly accounts: readonly string[];
}

/** A login may take 8 s, and the broker claims with at least 10 s left. */
const leastMs = 10_000;
/** Bounds the answer. An id of a configured account fits into 63 characters. */
const mostAccounts = 1000;

/**
 * Answers the schedule (`{"accounts"?: [ids]}`) and the event that a secret has changed, account by account. Only an
 * event of another form is an error: everything that can go wrong with an account is a result.
 */
export function createWarmup({ broker, accounts, report }: WarmupParts): Serve {
  return async (event, call, remaining) => {
    const task = parseTask(event, accounts);
    const results = await forEachAccount(task.accounts, (account) =>
      accounts.has(account) && remaining() >= leastMs
        ? attempt(account)
        : Promise.resolve({ account, outcome: 'skipped' } as const),
    );
    report.ran(call, task.work, results);
    return { results };

    async function attempt(account: string): Promise<Result> {
      try {
        return toResult(account, await broker[task.work](account, remaining));
      } catch (thrown) {
        const error = asBrokerError(thrown);
        if (error.code === 'deadline' || error.code === 'paused') {
          return { account, outcome: 'skipped' };
        }
        report.failed({ ...call, account }, error);
        return { account, outcome: `failed:${error.code}` };
      }
    }
  };
}

/** What became of an account's token. */
export function toResult(account: string, { outcome, expiresAt }: Upkeep): Result {
  return { account, outcome, ...(expiresAt !== undefined && { expires_at: new Date(expiresAt).toISOString() }) };
}

function parseTask(event: unknown, accounts: ReadonlyMap<string, string>): Task {
  const members = membersOf(event);
  if (members?.get('source') === 'aws.secretsmanager' && members.get('detail-type') === 'Secret Label Updated') {
    return { work: 'verify', accounts: accountsOfChange(members, accounts) };
  }
  const asked = members?.has('accounts') ? members.get('accounts') : [...accounts.keys()];
  if (members === undefined || members.size > (members.has('accounts') ? 1 : 0) || !isList(asked)) {
    throw new BrokerError('invalid_request', 'the event is neither a warm-up nor a change of a secret');
  }
  return { work: 'warm', accounts: [...new Set(asked)] };
}

function isList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= mostAccounts &&
    value.every((account) => typeof account === 'string' && account.length <= 63)
  );
}

/**
 * The account whose secret got a new current version; none for other labels and other secrets. Its configured id may be
 * a name or an ARN, so both names that the event has for the secret count.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
 */
function accountsOfChange(event: ReadonlyMap<string, unknown>, accounts: ReadonlyMap<string, string>): string[] {
  const detail = membersOf(event.get('detail'));
  const resources = event.get('resources');
  const names = [detail?.get('name'), ...(Array.isArray(resources) ? resources : [])].filter(
    (name) => typeof name === 'string',
  );
  return detail?.get('labelUpdated') !== 'AWSCURRENT'
    ? []
    : [...accounts].filter(([, id]) => names.some((name) => isSameSecret(id, name))).map(([account]) => account);
}

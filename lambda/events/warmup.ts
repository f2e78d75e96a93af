// Keeps accounts warm, on a schedule or when a secret has changed. Called by router.ts.

import { isSameSecret, type SecretIds } from '../account-secrets.ts';
import type { Broker } from '../broker/contract.ts';
import { asBrokerError, type BrokerError, invalidRequest } from '../errors.ts';
import { membersOf } from '../json.ts';
import { forEachAccount } from './each-account.ts';
import { type AccountResult, type EventHandler, type Report, toAccountResult } from './invocation.ts';

/** What a warm-up needs. */
export interface WarmupDependencies {
  readonly broker: Pick<Broker, 'warm' | 'verify'>;
  /** Account to secret id, of the listed accounts. */
  readonly accounts: ReadonlyMap<string, string>;
  /** The same of open accounts too. @default - only the listed ones */
  readonly secrets?: SecretIds;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly report: Pick<Report, 'failed' | 'ran'>;
}

/** What an event asks for: `warm` or `verify`, and for which accounts. They need not be configured. */
interface Task {
  readonly work: 'warm' | 'verify';
  readonly accounts: readonly string[];
}

/** A login may take 8 s, and the broker claims only if at least 10 s are left. */
const leastMs = 10_000;
/** Limits the size of the answer, as the 63 characters that an account id has at most do. */
const longestList = 1000;

/**
 * Answers the schedule (`{"accounts"?: [ids]}`) and the event that a secret has changed, with one result for each
 * account. A failure of an account is a result, not an error.
 *
 * It begins at a random account. While Fegora hangs, the time is over before the end of the list, and a fixed order would
 * skip the same accounts each time.
 *
 * @throws BrokerError `invalid_request` for an event of another form
 */
export function createWarmupHandler(dependencies: WarmupDependencies): EventHandler {
  const { broker, accounts, secrets = accounts, random, report } = dependencies;
  return async (event, invocation, remaining) => {
    const task = parseTask(event, { listed: accounts, secrets });
    const warm = async (account: string): Promise<AccountResult> =>
      secrets.has(account) && remaining() >= leastMs ? keepWarm(account) : { account, outcome: 'skipped' };
    const first = Math.floor(random() * task.accounts.length);
    const results = await forEachAccount(task.accounts, warm, first);
    report.ran(invocation, task.work, results);
    return { results };

    async function keepWarm(account: string): Promise<AccountResult> {
      try {
        return toAccountResult(account, await broker[task.work](account, remaining));
      } catch (thrown) {
        const error = asBrokerError(thrown);
        const outcome = outcomeOf(error);
        if (outcome !== 'skipped' && outcome !== 'paused') {
          report.failed({ ...invocation, account }, error);
        }
        return { account, outcome };
      }
    }
  };
}

/** A warm-up that had no time left, or that an operator does not want, has not failed. Nor has one of a secret that is no account's. */
function outcomeOf({ code }: BrokerError): AccountResult['outcome'] {
  switch (code) {
    case 'deadline':
    case 'unknown_account':
      return 'skipped';
    case 'paused':
      return 'paused';
    default:
      return `failed:${code}`;
  }
}

/** The secrets of the accounts, listed and in all. */
interface SecretsOfAccounts {
  readonly listed: ReadonlyMap<string, string>;
  readonly secrets: SecretIds;
}

function parseTask(event: unknown, known: SecretsOfAccounts): Task {
  const members = membersOf(event);
  if (members?.get('source') === 'aws.secretsmanager' && members.get('detail-type') === 'Secret Label Updated') {
    return { work: 'verify', accounts: accountsOfChange(members, known) };
  }
  const asked = members?.has('accounts') ? members.get('accounts') : [...known.listed.keys()];
  if (members === undefined || members.size > (members.has('accounts') ? 1 : 0) || !isList(asked)) {
    throw invalidRequest('the event is neither a warm-up nor a change of a secret');
  }
  return { work: 'warm', accounts: [...new Set(asked)] };
}

function isList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= longestList &&
    value.every((account) => typeof account === 'string' && account.length <= 63)
  );
}

/**
 * The accounts whose secret got a new AWSCURRENT version: none for another label or another secret. The secret of an open account
 * has its name. The configured id
 * of a secret may be a name or an ARN, so the function compares it with both names that the event has for the secret.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
 */
function accountsOfChange(event: ReadonlyMap<string, unknown>, { listed, secrets }: SecretsOfAccounts): string[] {
  const detail = membersOf(event.get('detail'));
  const resources = event.get('resources');
  const own = String(detail?.get('name'));
  const names = [own, ...(Array.isArray(resources) ? resources : [])].filter((name) => typeof name === 'string');
  if (detail?.get('labelUpdated') !== 'AWSCURRENT') {
    return [];
  }
  const changed = [...listed].filter(([, id]) => names.some((name) => isSameSecret(id, name)));
  // Ids have no slash, and the prefix ends with one.
  const open = own.slice(own.lastIndexOf('/') + 1);
  return [...changed.map(([account]) => account), ...(!listed.has(open) && secrets.get(open) === own ? [open] : [])];
}

// Keeps accounts warm, on a schedule or when a secret has changed. Called by router.ts.

import type { SecretIds } from '../account-secrets.ts';
import type { Broker } from '../broker/contract.ts';
import { asBrokerError, BrokerError, invalidRequest } from '../errors.ts';
import { forEachAccount } from './each-account.ts';
import { type AccountResult, type EventHandler, type Invocation, type Report, toAccountResult } from './invocation.ts';
import { parseTask, type Task } from './warmup-task.ts';

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
  /** Loads what the first tick needs, or undefined without a queue. @default there is no queue */
  readonly loadSendDue?: (() => Promise<SendDue | undefined>) | undefined;
}

/**
 * Sends the accounts that are due to the queue, without those of `except`, as long as there is time. Returns how many.
 *
 * @throws BrokerError `configuration`, `table_unavailable`, `internal`
 */
type SendDue = (remaining: () => number, except: ReadonlySet<string>) => Promise<number>;

/** A login may take 8 s, and the broker claims only if at least 10 s are left. */
const leastMs = 10_000;

/**
 * Answers the schedule (`{"accounts"?: [ids]}`) and the event that a secret has changed, with one result for each
 * account. A failure of an account is a result, not an error.
 *
 * Answers `{"due": true, "except"?: [ids]}` with how many accounts it sent to the queue, and the messages of the queue with those that must come
 * again: only those that there was no time for, or that cannot be understood. A failed login does not come again: it is due.
 *
 * It begins at a random account. While Fegora hangs, the time is over before the end of the list, and a fixed order would
 * skip the same accounts each time.
 *
 * @throws BrokerError `invalid_request` for an event of another form, and what `SendDue` throws
 */
export function createWarmupHandler(dependencies: WarmupDependencies): EventHandler {
  const { accounts, secrets = accounts, random, report, loadSendDue = async () => undefined } = dependencies;
  let loaded: ReturnType<typeof loadSendDue> | undefined;
  return async (event, invocation, remaining) => {
    const task = parseTask(event, { listed: accounts, secrets });
    if (task.work === 'due') {
      loaded ??= loadSendDue();
      const sendDue = await loaded;
      if (sendDue === undefined) {
        throw invalidRequest('there is no queue of warm-ups');
      }
      const sent = await sendDue(remaining, task.except);
      report.ran(invocation, task.work, []);
      return { sent };
    }
    const first = Math.floor(random() * task.accounts.length);
    const { keepWarm, isLate } = createWork(dependencies, task, { invocation, remaining });
    const results = await forEachAccount(task.accounts, keepWarm, first);
    report.ran(invocation, task.work, results);
    const again = task.messages?.filter(({ account }) => account === undefined || isLate(account));
    return again === undefined ? { results } : { batchItemFailures: again.map(({ id }) => ({ itemIdentifier: id })) };
  };
}

/** One invocation, and the milliseconds that it has left. */
interface Run {
  readonly invocation: Invocation;
  readonly remaining: () => number;
}

/** Makes the function that works on one account, and tells for which accounts there was no time. */
function createWork(
  { broker, accounts, secrets = accounts, report }: WarmupDependencies,
  { work, messages }: Exclude<Task, { work: 'due' }>,
  { invocation, remaining }: Run,
) {
  const late = new Set<string>();
  return { keepWarm, isLate: (account: string) => late.has(account) };

  async function keepWarm(account: string): Promise<AccountResult> {
    // An account of the queue that is not configured has an item, which learns here that it is due no longer.
    if (messages === undefined && !secrets.has(account)) {
      return { account, outcome: 'skipped' };
    }
    try {
      if (remaining() < leastMs) {
        throw new BrokerError('deadline', 'too little time was left to begin');
      }
      return toAccountResult(account, await broker[work](account, remaining));
    } catch (thrown) {
      return failureOf(account, asBrokerError(thrown));
    }
  }

  function failureOf(account: string, error: BrokerError): AccountResult {
    const isGone = messages !== undefined && error.code === 'unknown_account';
    const outcome = isGone ? 'skipped' : outcomeOf(error);
    if (error.code === 'deadline') {
      late.add(account);
    }
    if (outcome !== 'skipped' && outcome !== 'paused') {
      report.failed({ ...invocation, account }, error);
    }
    return { account, outcome };
  }
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

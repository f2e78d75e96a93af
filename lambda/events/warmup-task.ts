// Parses what an invocation of the alias `warmup` asks for. Called by warmup.ts.
import { accountIdPattern, isSameSecret, type SecretIds } from '../account-secrets.ts';
import { invalidRequest } from '../errors.ts';
import { membersOf, parseJson } from '../json.ts';

/**
 * What an event asks for: to warm or verify accounts, which need not be configured, or to find what is due, without the
 * accounts of `except`. `messages` are those of the queue that an event came from.
 */
export type Task =
  | { readonly work: 'warm' | 'verify'; readonly accounts: readonly string[]; readonly messages?: readonly Message[] }
  | { readonly work: 'due'; readonly except: ReadonlySet<string> };

/** A message of the queue. */
export interface Message {
  readonly id: string;
  /** Undefined if the message cannot be understood. */
  readonly account: string | undefined;
}

/** Limits the size of the answer, as the 63 characters that an account id has at most do. */
const longestList = 1000;

/** The secrets of the accounts: account to secret id. */
export interface SecretsOfAccounts {
  readonly listed: ReadonlyMap<string, string>;
  /** Of open accounts too. */
  readonly secrets: SecretIds;
}

/**
 * @throws BrokerError `invalid_request` for an event of another form
 */
export function parseTask(event: unknown, known: SecretsOfAccounts): Task {
  const members = membersOf(event);
  const records = members?.get('Records');
  if (Array.isArray(records) && records.every((record) => membersOf(record)?.get('eventSource') === 'aws:sqs')) {
    return batchOf(records);
  }
  if (members?.get('due') === true) {
    return tickOf(members);
  }
  if (members?.get('source') === 'aws.secretsmanager' && members.get('detail-type') === 'Secret Label Updated') {
    return { work: 'verify', accounts: accountsOfChange(members, known) };
  }
  const asked = members?.has('accounts') ? members.get('accounts') : [...known.listed.keys()];
  if (members === undefined || members.size > (members.has('accounts') ? 1 : 0) || !isList(asked)) {
    throw invalidRequest('the event is neither a warm-up nor a change of a secret');
  }
  return { work: 'warm', accounts: [...new Set(asked)] };
}

function tickOf(members: ReadonlyMap<string, unknown>): Task {
  const except = members.get('except') ?? [];
  if (members.size > (members.has('except') ? 2 : 1) || !isList(except)) {
    throw invalidRequest('the event is not a tick');
  }
  return { work: 'due', except: new Set(except) };
}

/** The messages of the queue that Lambda has read. @see https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
function batchOf(records: readonly unknown[]): Task {
  const messages = records.map((record) => {
    const members = membersOf(record);
    const account = membersOf(parseJson(String(members?.get('body'))))?.get('account');
    return { id: String(members?.get('messageId')), account: isId(account) ? account : undefined };
  });
  const accounts = messages.flatMap(({ account }) => account ?? []);
  return { work: 'warm', accounts: [...new Set(accounts)], messages };
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && accountIdPattern.test(value);
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

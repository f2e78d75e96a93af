// Describes who calls, by which alias and for which account. Called by router.ts; its types are shared by events/.
import type { Context } from 'aws-lambda';
import { accountIdPattern } from '../account-secrets.ts';
import type { Grant, WarmupResult } from '../broker/contract.ts';
import { aliases } from '../config.ts';
import type { BrokerError } from '../errors.ts';
import { membersOf } from '../json.ts';

/** The part of Lambda's context that the function reads. */
export type InvocationContext = Pick<Context, 'awsRequestId' | 'invokedFunctionArn' | 'getRemainingTimeInMillis'>;

/** Which kind of caller the alias is for. `none`: no alias, `$LATEST`, or an alias that allows nothing. */
export type EntryPoint = 'http' | 'warmup' | 'admin' | 'account' | 'none';

/** Who calls, by which entry point, and with which ids. It never contains credentials or the event. */
export interface Invocation {
  readonly entryPoint: EntryPoint;
  /** The ARN that API Gateway authenticated. A direct invocation does not name its caller: here it is the alias. */
  readonly caller: string;
  /** The caller without the part that callers choose (a role's session name). Its values are few, as a metric needs. */
  readonly callerRole: string;
  /** The id that the caller knows: API Gateway's id, or Lambda's for a direct invocation. */
  readonly requestId: string;
  /** Lambda's id. */
  readonly invocationId: string;
  /** The account that the event or the alias names, if its id is well formed. It need not be configured. */
  readonly account: string | undefined;
}

/** What a warm-up or an operator's command did with one account. */
export interface AccountResult {
  readonly account: string;
  readonly outcome: 'fresh' | 'renewed' | 'skipped' | 'paused' | 'done' | `failed:${string}`;
  /** ISO 8601. */
  readonly expires_at?: string;
  /** Of `skipped`: whole seconds, at least 1, after which it may be tried. */
  readonly retry_after?: number;
  /** Fingerprint of the token that `revoke` dropped. */
  readonly token_sha256?: string;
}

/** Where events report what they did. Its functions must not throw. */
export interface Report {
  readonly issued: (invocation: Invocation, grant: Grant, want: 'token' | 'metadata') => void;
  /** An invocation that was refused or that failed. */
  readonly failed: (invocation: Invocation, error: BrokerError) => void;
  /** A warm-up, a change of a secret, or an operator's command: one result for each account. */
  readonly ran: (invocation: Invocation, task: string, results: readonly AccountResult[]) => void;
}

/**
 * Answers one kind of event. `remaining` returns the milliseconds that the invocation has left.
 *
 * @throws BrokerError of any code
 */
export type EventHandler = (event: unknown, invocation: Invocation, remaining: () => number) => Promise<object>;

/**
 * Describes an invocation. Only the alias decides the entry point, never the content of the event: IAM controls who may
 * invoke an alias, but a caller can forge any event. This is the only place that checks the form of an account id.
 * Never throws.
 *
 * @param defaultAccount the account of `POST /token`
 */
export function describeInvocation(
  event: unknown,
  context: InvocationContext,
  defaultAccount: string | undefined,
): Invocation {
  const alias = aliasOf(context.invokedFunctionArn);
  const direct = { caller: `alias:${alias ?? 'none'}`, callerRole: `alias:${alias ?? 'none'}` };
  const ids = { requestId: context.awsRequestId, invocationId: context.awsRequestId };
  switch (alias) {
    case aliases.http:
      return { entryPoint: 'http', ...ids, ...describeHttp(event, context.awsRequestId, defaultAccount) };
    case aliases.warmup:
      return { entryPoint: 'warmup', ...direct, ...ids, account: undefined };
    case aliases.admin:
      return { entryPoint: 'admin', ...direct, ...ids, account: wellFormed(membersOf(event)?.get('account')) };
    default:
      return describeDirect(alias, { ...direct, ...ids });
  }
}

/** What a warm-up or a verification did with an account's token, in the form of the contract. */
export function toAccountResult(account: string, { outcome, expiresAt, retryAfterMs }: WarmupResult): AccountResult {
  return {
    account,
    outcome,
    ...(expiresAt !== undefined && { expires_at: new Date(expiresAt).toISOString() }),
    ...(retryAfterMs !== undefined && { retry_after: Math.max(1, Math.ceil(retryAfterMs / 1000)) }),
  };
}

/** The alias of a qualified function ARN; undefined for an unqualified one. */
function aliasOf(functionArn: unknown): string | undefined {
  return typeof functionArn === 'string' ? functionArn.split(':')[7] : undefined;
}

function describeDirect(alias: string | undefined, rest: Omit<Invocation, 'entryPoint' | 'account'>): Invocation {
  const account = alias?.startsWith(aliases.accountPrefix)
    ? wellFormed(alias.slice(aliases.accountPrefix.length))
    : undefined;
  return { entryPoint: account === undefined ? 'none' : 'account', ...rest, account };
}

function describeHttp(event: unknown, invocationId: string, defaultAccount: string | undefined) {
  const members = membersOf(event);
  const context = membersOf(members?.get('requestContext'));
  const caller = printable(membersOf(context?.get('identity'))?.get('userArn')) ?? 'unknown';
  return {
    caller,
    callerRole: withoutSession(caller),
    requestId: printable(context?.get('requestId')) ?? invocationId,
    account:
      members?.get('resource') === '/token'
        ? defaultAccount
        : wellFormed(membersOf(members?.get('pathParameters'))?.get('account')),
  };
}

/** `arn:…:assumed-role/<role>/<session>` and `arn:…:federated-user/<name>` end in a name that the caller chose. */
function withoutSession(arn: string): string {
  return arn.replace(/:(assumed-role\/[^/]+|federated-user)\/.*$/, ':$1').slice(0, 250);
}

function wellFormed(account: unknown): string | undefined {
  return typeof account === 'string' && accountIdPattern.test(account) ? account : undefined;
}

/** Ids and ARNs: only ASCII without spaces, so that a value cannot imitate another field or line of the log. */
function printable(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]{1,2048}$/.test(value) ? value : undefined;
}

import type { Context } from 'aws-lambda';
import type { Grant } from '../broker/broker.ts';
import { accountIdPattern, aliases } from '../config.ts';
import type { BrokerError } from '../errors.ts';
import { membersOf } from '../json.ts';

/** The part of Lambda's context that is read. */
export type Invocation = Pick<Context, 'awsRequestId' | 'invokedFunctionArn' | 'getRemainingTimeInMillis'>;

/** Who calls, with what authority, and under which ids: never the credentials or the content of a call. */
export interface Call {
  /** What the alias allows. `none`: unqualified, `$LATEST`, or an alias that stands for nothing. */
  readonly authority: 'http' | 'warmup' | 'admin' | 'account' | 'none';
  /** The ARN that API Gateway authenticated; of a direct call, which does not tell, the alias. */
  readonly caller: string;
  /** The caller without what callers choose themselves (a role's session name): bounded, so fit for a metric. */
  readonly callerRole: string;
  /** What the caller knows the call by: API Gateway's id, or Lambda's for a direct call. */
  readonly requestId: string;
  /** Lambda's id. */
  readonly invocationId: string;
  /** The account asked for, where it is well formed; configured or not. */
  readonly account: string | undefined;
}

/** What happened to one account in a warm-up, or by an operator's hand. */
export interface Result {
  readonly account: string;
  readonly outcome: 'fresh' | 'renewed' | 'skipped' | 'done' | `failed:${string}`;
  /** ISO 8601. */
  readonly expires_at?: string;
}

/** Where events report what they did. None of it may throw. */
export interface Report {
  readonly issued: (call: Call, grant: Grant, want: 'token' | 'metadata') => void;
  /** A call that was refused or that failed. */
  readonly failed: (call: Call, error: BrokerError) => void;
  /** Warm-ups, secret changes and operators' actions, account by account. */
  readonly ran: (call: Call, task: string, results: readonly Result[]) => void;
}

/** Answers one kind of event. Throws BrokerError. */
export type Serve = (event: unknown, call: Call, remaining: () => number) => Promise<object>;

/** The alias of a qualified function ARN; nothing for an unqualified one. */
function aliasOf(functionArn: unknown): string | undefined {
  return typeof functionArn === 'string' ? functionArn.split(':')[7] : undefined;
}

/**
 * Describes an invocation. Authority comes from the alias alone, whatever the event looks like: who may invoke an alias
 * is IAM's to say, and an event can be forged by whoever may invoke. Never throws.
 */
export function callOf(event: unknown, context: Invocation, defaultAccount: string | undefined): Call {
  const alias = aliasOf(context.invokedFunctionArn);
  const direct = { caller: `alias:${alias ?? 'none'}`, callerRole: `alias:${alias ?? 'none'}` };
  const ids = { requestId: context.awsRequestId, invocationId: context.awsRequestId };
  switch (alias) {
    case aliases.http:
      return { authority: 'http', ...ids, ...describeHttp(event, context.awsRequestId, defaultAccount) };
    case aliases.warmup:
      return { authority: 'warmup', ...direct, ...ids, account: undefined };
    case aliases.admin:
      return { authority: 'admin', ...direct, ...ids, account: wellFormed(membersOf(event)?.get('account')) };
    default:
      return describeDirect(alias, { ...direct, ...ids });
  }
}

function describeDirect(alias: string | undefined, rest: Omit<Call, 'authority' | 'account'>): Call {
  const account = alias?.startsWith(aliases.accountPrefix)
    ? wellFormed(alias.slice(aliases.accountPrefix.length))
    : undefined;
  return { authority: account === undefined ? 'none' : 'account', ...rest, account };
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

/** Ids and ARNs: ASCII without spaces, so that nothing can pose as another field or line of the log. */
function printable(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]{1,2048}$/.test(value) ? value : undefined;
}

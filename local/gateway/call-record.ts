// Describes an answered call for the developer, without the token. Called by gateway.ts.
import { accountIdPattern } from '../../lambda/account-secrets.ts';
import { aliases } from '../../lambda/config.ts';
import { membersOf, parseJson } from '../../lambda/json.ts';
import type { GatewayAnswer } from './answer.ts';
import type { Caller } from './callers.ts';
import { type GatewayRequest, routeOf } from './event.ts';
import { aliasOf } from './invoke.ts';

/** An answered call. Every text is from a fixed set or has the form of an id: no part of it is a token. */
export interface CallRecord {
  /** When the call arrived. Epoch milliseconds. */
  readonly at: number;
  /** Short name of the caller. Undefined if the signature is not valid. */
  readonly caller: string | undefined;
  readonly account: string | undefined;
  /** The alias of a direct invocation. Undefined for a call of the API. */
  readonly alias: string | undefined;
  /** HTTP status. A direct invocation whose function failed has 200. */
  readonly status: number;
  /** The type of AWS's refusal, or the error code of the broker. Undefined if the call succeeded. */
  readonly code: string | undefined;
  /** Where the token came from: `memory`, `shared` or `upstream`. */
  readonly source: string | undefined;
  /** From the arrival to the answer. Milliseconds. */
  readonly ms: number;
}

type Members = ReadonlyMap<string, unknown>;

/** Returns what a developer needs to know about the call. Never throws. */
export function recordOf(
  request: GatewayRequest,
  answer: GatewayAnswer,
  { caller, ms }: { readonly caller: Caller | undefined; readonly ms: number },
): CallRecord {
  const body: Members = membersOf(parseJson(answer.body)) ?? new Map();
  const alias = matching(/^[a-z0-9-]{1,128}$/, aliasOf(request));
  return {
    at: request.arrivedAt,
    caller: caller?.name,
    account: matching(accountIdPattern, body.get('account') ?? accountOf(request, alias)),
    alias,
    status: answer.status,
    code: codeOf(answer, body),
    source: matching(/^(memory|shared|upstream)$/, body.get('source')),
    ms,
  };
}

/** The account that the alias, the path or an operator's command names. */
function accountOf(request: GatewayRequest, alias: string | undefined): unknown {
  return alias?.startsWith(aliases.accountPrefix)
    ? alias.slice(aliases.accountPrefix.length)
    : (routeOf(request)?.pathParameters?.account ?? membersOf(parseJson(request.body.toString()))?.get('account'));
}

function codeOf({ headers, body: text }: GatewayAnswer, body: Members): string | undefined {
  const ofAws = matching(/^[A-Za-z]{1,60}$/, headers['x-amzn-ErrorType']);
  const ofSts = /<Code>(.+?)<\/Code>/.exec(text)?.[1];
  return ofAws ?? matching(/^[A-Za-z_.]{1,60}$/, body.get('error') ?? body.get('errorType') ?? ofSts);
}

function matching(pattern: RegExp, value: unknown): string | undefined {
  return typeof value === 'string' && pattern.test(value) ? value : undefined;
}

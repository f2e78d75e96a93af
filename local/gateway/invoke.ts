// Lambda's Invoke API, for synchronous calls only. Called by gateway.ts.
import type { GatewayAnswer } from './answer.ts';
import type { Caller } from './callers.ts';
import type { LocalFunction } from './function.ts';
import { isAllowed } from './policy.ts';
import { type ArrivedRequest, Refusal } from './sigv4.ts';

/** What the Invoke API needs: the function, its aliases, and the check of signatures. */
export interface InvokeApi {
  readonly local: LocalFunction;
  /** Returns the caller who signed the request. @throws Refusal if the signature is not valid */
  readonly identify: (request: ArrivedRequest) => Promise<Caller>;
  /** The aliases that the function has. */
  readonly aliases: readonly string[];
}

interface Target {
  readonly functionName: string;
  readonly alias: string | undefined;
}

/**
 * Answers one Invoke request. It must be synchronous (`RequestResponse`).
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export async function callInvokeApi(api: InvokeApi, request: ArrivedRequest): Promise<GatewayAnswer> {
  try {
    const caller = await api.identify(request);
    const { functionName, alias } = targetOf(request);
    const arn = api.local.arn.replace(api.local.name, () => functionName);
    const resource = alias === undefined ? arn : `${arn}:${alias}`;
    authorise(caller, alias, resource);
    if (functionName !== api.local.name || !(alias === undefined || api.aliases.includes(alias))) {
      throw new Refusal('ResourceNotFoundException', `Function not found: ${resource}`);
    }
    const { failed, payload } = await api.local.invoke(payloadOf(request), alias);
    const error = failed ? { 'X-Amz-Function-Error': 'Unhandled' } : {};
    return { status: 200, headers: { 'Content-Type': 'application/json', ...error }, body: payload };
  } catch (error) {
    if (error instanceof Refusal) {
      return refuseInvoke(error);
    }
    throw error;
  }
}

/** A refusal in the form that Lambda answers with. */
export function refuseInvoke({ type, message }: Refusal): GatewayAnswer {
  return {
    status: statuses.get(type) ?? 403,
    headers: { 'Content-Type': 'application/json', 'x-amzn-ErrorType': type },
    body: JSON.stringify({ Type: 'User', message, Message: message }),
  };
}

const statuses: ReadonlyMap<string, number> = new Map([
  ['ResourceNotFoundException', 404],
  ['InvalidParameterValueException', 400],
  ['InvalidRequestContentException', 400],
  ['RequestTooLargeException', 413],
]);

/** Reads function and alias from the path. The name may be an ARN, and may end in the alias. */
function targetOf({ method, path, query }: ArrivedRequest): Target {
  const named = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(path)?.[1];
  if (method !== 'POST' || named === undefined) {
    throw new Refusal('ResourceNotFoundException', 'This emulator has Invoke only.');
  }
  const [functionName = '', suffix] = decoded(named)
    .replace(/^.*:function:/, '')
    .split(':');
  const alias = query.find(([name]) => name === 'Qualifier')?.[1] ?? suffix;
  return { functionName, alias: alias === '$LATEST' ? undefined : alias };
}

/** The alias that a request names. Undefined if it names none or is not an Invoke request. */
export function aliasOf(request: ArrivedRequest): string | undefined {
  try {
    return targetOf(request).alias;
  } catch {
    return undefined;
  }
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new Refusal('ResourceNotFoundException', 'The name of the function cannot be decoded.');
  }
}

function authorise(caller: Caller, alias: string | undefined, resource: string): void {
  if (!isAllowed(caller.aliases, alias ?? '')) {
    const action = `lambda:InvokeFunction on resource: ${resource}`;
    throw new Refusal('AccessDeniedException', `User: ${caller.arn} is not authorized to perform: ${action}`);
  }
}

function payloadOf({ headers, body }: ArrivedRequest): string {
  if ((headers.get('x-amz-invocation-type') ?? 'RequestResponse') !== 'RequestResponse') {
    throw new Refusal('InvalidParameterValueException', 'This emulator has RequestResponse only.');
  }
  const text = body.length === 0 ? '{}' : body.toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw new Refusal('InvalidRequestContentException', 'Could not parse request body into json.');
  }
}

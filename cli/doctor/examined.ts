// The facts that several checks of `doctor` need. Each is found once. Created by doctor.ts.
import { parseEndpoint, regionOf } from '../../client/endpoint.ts';
import { type GatewayConfig, tokenUrl } from '../../client/gateway.ts';
import { type HttpResponse, post } from '../../client/https.ts';
import type { FunctionConfig } from '../../client/invoke.ts';
import { functionEndpoint, invokeAdmin } from '../aws/admin.ts';
import { awsIdentity } from '../aws/aws.ts';
import { checkEndpoint } from '../aws/endpoints.ts';
import { environment } from '../environment.ts';
import { type AccountStatus, accountsIn } from '../status/account-state.ts';
import { findTarget, required, type Target, type TargetOptions } from '../target.ts';

/** What is examined. Every function rejects or throws if its fact cannot be known; each asks only once. */
export interface Examined {
  readonly options: TargetOptions;
  /** The account that the command names. */
  readonly account: string | undefined;
  /** Whether a check may log in to Fegora. */
  readonly login: boolean;
  readonly target: () => Target;
  readonly region: () => Promise<string>;
  /** How to call the API, for the account that the command names. */
  readonly api: () => Promise<GatewayConfig>;
  /** How to invoke the function. */
  readonly lambda: () => Promise<FunctionConfig>;
  /** The API's answer to a call without a signature. */
  readonly unsigned: () => Promise<HttpResponse>;
  /** What the broker says of the account, or of all accounts. */
  readonly status: () => Promise<readonly AccountStatus[]>;
}

/** How long to wait for one answer. Milliseconds. */
const longestMs = 20_000;

/** What the command line names. */
export type Asked = Pick<Examined, 'options' | 'account' | 'login'>;

/** @param note writes a line to the operator */
export function examine({ options, account, login }: Asked, note: (line: string) => void): Examined {
  const target = once(() => findTarget(options, note));
  const region = once(() => awsIdentity(target()).region());
  const endpoint = once(() => endpointOf(target(), options));
  return {
    options,
    account,
    login,
    target,
    region,
    api: async () => {
      const { credentials } = awsIdentity(target());
      const ofApi = target().region ?? regionOf(endpoint().hostname) ?? (await region());
      return { endpoint: endpoint(), account, region: ofApi, credentials, env: environment };
    },
    lambda: async () => ({
      endpoint: await functionEndpoint(target(), await region()),
      region: await region(),
      functionName: required(target().functionName, 'function', '--function-name'),
      credentials: awsIdentity(target()).credentials,
      env: environment,
    }),
    unsigned: once(async () => {
      const url = tokenUrl(endpoint(), account);
      const headers = { 'content-type': 'application/json' };
      return post({ url, headers, body: '{}' }, AbortSignal.timeout(longestMs), environment);
    }),
    status: once(async () =>
      accountsIn(await invokeAdmin(target(), { action: 'status', ...(account !== undefined && { account }) })),
    ),
  };
}

/** Returns what the broker says of one account. Undefined if it says nothing of it, or nothing at all to these keys. */
export async function statusOf(account: string, status: Examined['status']): Promise<AccountStatus | undefined> {
  const accounts = await status().catch(() => []);
  return accounts.find((one) => one.account === account);
}

/** @throws CommandError if the address comes from a file and is not of AWS: no signature may go there */
function endpointOf({ endpoint, allowed }: Target, { endpoint: named }: TargetOptions): URL {
  const url = parseEndpoint(required(endpoint, 'endpoint', '--endpoint'), 'endpoint');
  return named === undefined
    ? checkEndpoint({ url: url.href, from: 'the Url of the outputs' }, 'execute-api', allowed)
    : url;
}

/** Returns a function that calls `find` at its first call, and returns or throws the same at every call. */
function once<Value>(find: () => Value): () => Value {
  let found: { readonly value: Value } | { readonly thrown: unknown } | undefined;
  return () => {
    found ??= attempt(find);
    if ('thrown' in found) {
      throw found.thrown;
    }
    return found.value;
  };
}

function attempt<Value>(find: () => Value): { readonly value: Value } | { readonly thrown: unknown } {
  try {
    return { value: find() };
  } catch (thrown) {
    return { thrown };
  }
}

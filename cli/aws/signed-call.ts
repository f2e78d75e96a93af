// Calls a service of AWS with the operator's keys. Called by secrets-client.ts and doctor/.
import { awsRefusalOf } from '../../client/aws-refusal.ts';
import { isCredentialsError, TokenBrokerError } from '../../client/errors.ts';
import type { HttpResponse } from '../../client/https.ts';
import { serviceEndpoint } from '../../client/options.ts';
import { createSignedPost, errorType } from '../../client/signed-post.ts';
import { environment } from '../environment.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Target } from '../target.ts';
import { awsIdentity } from './aws.ts';
import { checkEndpoint, configuredEndpoint, type NamedEndpoint, originOf } from './endpoints.ts';

/** A service of AWS: its name in signatures and hosts, and its id in the SDK's settings. */
export type CalledService =
  | { readonly name: 'secretsmanager'; readonly id: 'Secrets Manager' }
  | { readonly name: 'sts'; readonly id: 'STS' };

/** How long to wait for an answer. Milliseconds. */
const longestMs = 20_000;

/** A service at its address. */
export interface ServiceCall {
  readonly endpoint: URL;
  /**
   * Sends one signed POST, and returns an answer with status 200.
   *
   * @throws what AWS answers, as `refusalOf` says, and what prevents an answer
   */
  readonly send: (headers: Readonly<Record<string, string>>, body: string) => Promise<HttpResponse>;
}

/**
 * Finds a service: at the named address, at the one of the environment or the profile, or in the region.
 *
 * @throws CommandError if signed requests must not go there, and everything that the SDK throws
 */
export async function openService(
  target: Target,
  { name, id }: CalledService,
  named?: NamedEndpoint,
): Promise<ServiceCall> {
  const { region: findRegion, credentials } = awsIdentity(target);
  const region = await findRegion();
  const configured = named ?? (await configuredEndpoint(id, target.profile));
  const ofRegion = { url: serviceEndpoint(name, region), from: 'the region' };
  const endpoint = checkEndpoint(configured ?? ofRegion, name, target.allowed);
  const post = createSignedPost({ service: name, region, credentials, env: environment }, Date.now);
  return {
    endpoint,
    send: async (headers, body) => {
      const response = await post({ url: endpoint, headers, body }, AbortSignal.timeout(longestMs)).catch(
        unreached(endpoint),
      );
      if (response.status !== 200) {
        throw causeOf(response, region, endpoint);
      }
      return response;
    },
  };
}

/** The check that refused the keys, as for the broker itself; every other error as the service names it. */
function causeOf(response: HttpResponse, region: string, url: URL): Error {
  const refusal = refusalOf(response);
  // These services name the type in the body only. Of the request, only the region is in the sentences for keys.
  const headers = { ...response.headers, 'x-amzn-errortype': refusal.name };
  const asked = { service: 'lambda', region, url, resource: '', grant: '' } as const;
  return (isCredentialsError(refusal.name) && awsRefusalOf({ ...response, headers }, asked)) || refusal;
}

/**
 * Returns the handler of a failed call. The client says that the broker cannot be reached; here it is this host.
 *
 * @throws CommandError with the client's reason, and every other failure as it is
 */
export function unreached(url: URL): (thrown: unknown) => never {
  return (thrown) => {
    if (thrown instanceof TokenBrokerError && thrown.code === 'broker_unreachable') {
      const text = thrown.message.replace('broker_unreachable: The token broker', url.host);
      throw new CommandError(exitCodes.tryLater, text + originOf(url), { cause: thrown.cause });
    }
    throw thrown;
  };
}

/** The error of a service, in the form in which the SDK throws it. */
export function refusalOf(response: HttpResponse): Error {
  const message = /"message":\s*"([^"\\]{1,200})"/i.exec(response.body)?.[1] ?? '';
  const name = errorType(response) || typeIn(response.body);
  const fault = response.status >= 500 && name !== '' ? { $fault: 'server' } : {};
  return Object.assign(new Error(message), { name: name || 'Unknown', ...fault });
}

/** The type in a JSON body, or in the XML of STS. */
function typeIn(body: string): string {
  const type = /"__type":\s*"(?:[^"]*#)?(\w{1,64})"|<Code>(\w{1,64})<\/Code>/.exec(body);
  return type?.[1] ?? type?.[2] ?? '';
}

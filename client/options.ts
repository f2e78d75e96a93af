import { TokenBrokerError } from './errors.ts';
import type { Gateway } from './gateway.ts';
import type { Invocation } from './invoke.ts';
import type { AwsCredentials, CredentialProvider } from './signer.ts';

/** For a broker behind API Gateway. */
export interface GatewayOptions {
  /** The API's stage, such as `https://<id>.execute-api.<region>.amazonaws.com/<stage>`. Https, but for loopback. */
  readonly endpoint: string | URL;
  /** @default the region in the endpoint's name, else `AWS_REGION` */
  readonly region?: string | undefined;
  /** Left out, not `undefined`, which may be a variable that is not set. @default the broker's default account */
  readonly account?: string;
  /**
   * Keys, or a provider of them, which is asked before every signature.
   *
   * @default `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, as Lambda sets them, read each time
   */
  readonly credentials?: AwsCredentials | CredentialProvider | undefined;
  readonly functionName?: never;
}

/** For a broker that is invoked directly. Needs the package `@aws-sdk/client-lambda`, which Lambda's runtime has. */
export interface InvokeOptions {
  /** Name or ARN of the broker's function, without an alias: the account chooses it. */
  readonly functionName: string;
  readonly account: string;
  /** @default the SDK's own */
  readonly region?: string | undefined;
  /** @default the SDK's own chain */
  readonly credentials?: AwsCredentials | CredentialProvider | undefined;
  readonly endpoint?: never;
}

type Environment = Readonly<Record<string, string | undefined>>;

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const accountId = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** @throws TypeError naming the option that cannot work */
export function parseGateway(options: GatewayOptions, env: Environment): Gateway {
  const { credentials, account } = options;
  const endpoint = parseEndpoint(String(options.endpoint));
  const region = options.region ?? regionOf(endpoint.hostname) ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  if (!region) {
    throw new TypeError('region: neither given, nor in the endpoint, nor in AWS_REGION');
  }
  if ('account' in options) {
    checkAccount(account);
  }
  return { endpoint, region, account, credentials: asProvider(credentials) ?? (() => fromEnvironment(env)) };
}

/** @throws TypeError naming the option that cannot work */
export function parseInvocation({ functionName, account, region, credentials }: InvokeOptions): Invocation {
  if (!functionName) {
    throw new TypeError('functionName: empty');
  }
  checkAccount(account);
  return { functionName, account, region, credentials: asProvider(credentials) };
}

function parseEndpoint(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !isSafe(url) || url.username || url.password) {
    throw new TypeError('endpoint: not an https URL (or http on loopback) without credentials');
  }
  return url;
}

/** Whether what is sent there is read by nobody on the way. */
export function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));
}

/** An API's own name and that of a VPC endpoint hold the region before `amazonaws` or `vpce.amazonaws`. */
function regionOf(hostname: string): string | undefined {
  return /\.execute-api\.([a-z0-9-]+)\.(vpce\.)?amazonaws\.com(\.cn)?$/.exec(hostname)?.[1];
}

function checkAccount(account: string | undefined): void {
  if (account === undefined || !accountId.test(account)) {
    throw new TypeError('account: not 1 to 63 lower-case letters, digits and hyphens, or it starts with a hyphen');
  }
}

function asProvider(credentials: AwsCredentials | CredentialProvider | undefined): CredentialProvider | undefined {
  return typeof credentials === 'object' ? async () => credentials : credentials;
}

async function fromEnvironment(env: Environment): Promise<AwsCredentials> {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  if (!accessKeyId || !secretAccessKey) {
    throw new TokenBrokerError('aws_credentials', 'No AWS keys in the environment, and no credentials given.');
  }
  return { accessKeyId, secretAccessKey, sessionToken };
}

// Checks the options of `createTokenClient` and fills in the defaults. Called by index.ts and the CLI.
import { isRegion, parseAwsEndpoint, parseEndpoint, regionOf } from './endpoint.ts';
import { TokenBrokerError } from './errors.ts';
import type { GatewayConfig } from './gateway.ts';
import type { InvokeConfig } from './invoke.ts';
import type { AwsCredentials, CredentialProvider } from './signer.ts';

/** Options for a broker behind API Gateway. */
export interface GatewayOptions {
  /**
   * The API's stage, such as `https://<id>.execute-api.<region>.amazonaws.com/<stage>`. Only loopback addresses may use
   * http.
   */
  readonly endpoint: string | URL;
  /**
   * The AWS region that the signature is for.
   *
   * @default the region in the endpoint's name, otherwise `AWS_REGION`
   */
  readonly region?: string | undefined;
  /**
   * The account. The value `undefined` is an error, because it may come from a variable that is not set: to use the
   * default, leave the property out.
   *
   * @default the broker's default account
   */
  readonly account?: string;
  /**
   * AWS keys, or a provider of AWS keys. The client calls the provider before every signature.
   *
   * @default `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, as Lambda sets them, read each time
   */
  readonly credentials?: AwsCredentials | CredentialProvider | undefined;
  /** Only in `InvokeOptions`. */
  readonly functionName?: never;
}

/** Options for direct invocation. */
export interface InvokeOptions {
  /** Name or ARN of the broker's function, without an alias: the client derives the alias from the account. */
  readonly functionName: string;
  /** The account. A direct invocation has no default account. */
  readonly account: string;
  /**
   * The AWS region of the function.
   *
   * @default the region in the function's ARN, otherwise `AWS_REGION`
   */
  readonly region?: string | undefined;
  /** As `GatewayOptions.credentials`. */
  readonly credentials?: AwsCredentials | CredentialProvider | undefined;
  /** Only in `GatewayOptions`. */
  readonly endpoint?: never;
}

type Environment = Readonly<Record<string, string | undefined>>;

const functionArn = /^arn:[a-z-]+:lambda:([a-z0-9-]+):\d{12}:function:/;
const accountId = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * Returns the options that `TokenBroker.connect` of the construct writes into a function's environment.
 *
 * @throws TypeError if they are not there
 */
export function optionsFrom(env: Environment): GatewayOptions | InvokeOptions {
  const {
    FEGORA_BROKER_ENDPOINT: endpoint,
    FEGORA_BROKER_FUNCTION: functionName,
    FEGORA_BROKER_ACCOUNT: account,
  } = env;
  if (endpoint) {
    return { endpoint, ...(account && { account }) };
  }
  if (functionName && account) {
    return { functionName, account };
  }
  throw new TypeError(
    'no options, and the environment has neither FEGORA_BROKER_ENDPOINT nor FEGORA_BROKER_FUNCTION with FEGORA_BROKER_ACCOUNT. Pass options, or connect the function to the broker in its stack',
  );
}

/** @throws TypeError with the name of the invalid option */
export function parseGatewayOptions(options: GatewayOptions, env: Environment): GatewayConfig {
  const { credentials, account } = options;
  const endpoint = parseEndpoint(String(options.endpoint), 'endpoint');
  const region = parseRegion(options.region ?? regionOf(endpoint.hostname), env, 'it');
  if ('account' in options) {
    checkAccount(account);
  }
  return { endpoint, region, account, credentials: asProvider(credentials) ?? (() => fromEnvironment(env)), env };
}

/** @throws TypeError with the name of the invalid option */
export function parseInvokeOptions(options: InvokeOptions, env: Environment): InvokeConfig {
  const { functionName, account, credentials } = options;
  if (!functionName) {
    throw new TypeError('functionName: empty. Pass the name or the ARN of the broker’s function');
  }
  checkAccount(account);
  const region = parseRegion(options.region ?? functionArn.exec(functionName)?.[1], env, 'it or the function’s ARN');
  const endpoint = parseAwsEndpoint(lambdaEndpoint(region, env), 'AWS_ENDPOINT_URL', 'lambda');
  return {
    endpoint,
    functionName,
    account,
    region,
    credentials: asProvider(credentials) ?? (() => fromEnvironment(env)),
    env,
  };
}

/** URL of Lambda's API: from AWS's own variables, or of the region. */
export function lambdaEndpoint(region: string, env: Environment): string {
  return env.AWS_ENDPOINT_URL_LAMBDA || env.AWS_ENDPOINT_URL || serviceEndpoint('lambda', region);
}

/**
 * URL of a service in a region of the public partitions.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
 */
export function serviceEndpoint(service: string, region: string): string {
  const suffixes: Record<string, string> = { cn: 'amazonaws.com.cn', eusc: 'amazonaws.eu' };
  return `https://${service}.${region}.${suffixes[region.split('-')[0] ?? ''] ?? 'amazonaws.com'}/`;
}

function parseRegion(named: string | undefined, env: Environment, what: string): string {
  const region = named ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  if (!region) {
    throw new TypeError(`region: not known. Pass ${what}, or set AWS_REGION`);
  }
  if (!isRegion(region)) {
    const given = JSON.stringify(region.slice(0, 40));
    throw new TypeError(`region: ${given} is not a region of AWS. Pass a name such as us-east-1`);
  }
  return region;
}

/** @throws TypeError for undefined too */
export function checkAccount(account: string | undefined): void {
  if (account === undefined || !accountId.test(account)) {
    const rule = 'Pass 1 to 63 lower-case letters, digits and hyphens, without a hyphen at the start';
    throw new TypeError(`account: not a valid account id. ${rule}`);
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
    const text = 'The environment has no AWS keys. Set them, or pass the option `credentials`.';
    throw new TokenBrokerError('aws_credentials', text);
  }
  return { accessKeyId, secretAccessKey, sessionToken };
}

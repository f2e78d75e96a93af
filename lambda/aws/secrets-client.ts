// Builds the SDK's client of Secrets Manager. Loaded by credential-source.ts at the first read of a secret.
import {
  GetSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';
import { attemptMs, post } from './https.ts';
import type { GetSecretValue } from './secret.ts';

/** The part of the SDK's request that is sent. */
interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/**
 * Builds the SDK's client, and returns a function that reads one secret. It is a separate module, so that the bundle
 * contains only this command. It sets every option that the SDK would otherwise look for in files.
 *
 * @throws what the SDK throws; `asSecretError` turns it into a BrokerError
 */
export function connectSecretsManager(config: SecretsManagerClientConfig): GetSecretValue {
  const client = new SecretsManagerClient({
    maxAttempts: 2,
    retryMode: 'standard',
    defaultsMode: 'standard',
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    userAgentAppId: '',
    authSchemePreference: [],
    disableClockSkewCorrection: false,
    requestHandler: { handle },
    ...config,
  });
  return async (secretId, signal) => {
    const answer = await client.send(new GetSecretValueCommand({ SecretId: secretId }), { abortSignal: signal });
    return { versionId: answer.VersionId, text: answer.SecretString, arn: answer.ARN };
  };
}

/**
 * Sends one attempt over a new connection. Minutes pass between two reads, and a socket that is kept so long, through
 * freezes of the environment, is probably dead.
 */
async function handle(request: SdkRequest, { abortSignal }: { readonly abortSignal: AbortSignal }) {
  const { protocol, hostname, port, path, headers, body = '' } = request;
  const url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
  const late = AbortSignal.timeout(attemptMs);
  try {
    const answer = await post({ url, headers, body, signal: AbortSignal.any([abortSignal, late]) });
    return { response: { statusCode: answer.status, headers: answer.headers, body: answer.body } };
  } catch (thrown) {
    // The SDK tries again after an error of this name.
    throw late.aborted ? Object.assign(new Error('no answer in time'), { name: 'TimeoutError' }) : thrown;
  }
}

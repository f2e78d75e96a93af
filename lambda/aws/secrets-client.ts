import {
  GetSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';
import type { GetSecretValue } from './credential-source.ts';
import { post } from './https.ts';

/** What the SDK hands over to be sent. */
interface Outgoing {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Two of these and the pause between them fit in the 3 s that a read may take. */
const attemptMs = 1_350;

/**
 * Builds the SDK's client. A module of its own, so that the bundle has the one command that is sent and no other, and
 * everything is said that the SDK would otherwise look for in files.
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
    return { versionId: answer.VersionId, text: answer.SecretString };
  };
}

/**
 * Sends an attempt over a connection of its own: a read comes minutes after the one before, and a socket kept that long,
 * through freezes, is likely dead.
 */
async function handle(request: Outgoing, { abortSignal }: { readonly abortSignal: AbortSignal }) {
  const { protocol, hostname, port, path, headers, body = '' } = request;
  const url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
  const late = AbortSignal.timeout(attemptMs);
  try {
    const answer = await post({ url, headers, body, signal: AbortSignal.any([abortSignal, late]) });
    return { response: { statusCode: answer.status, headers: answer.headers, body: answer.body } };
  } catch (thrown) {
    // Under this name the SDK tries again.
    throw late.aborted ? Object.assign(new Error('no answer in time'), { name: 'TimeoutError' }) : thrown;
  }
}

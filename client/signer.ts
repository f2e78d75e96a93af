// Signs requests with AWS Signature Version 4. Called by signed-post.ts, and by local/start.ts and bench/load.ts.
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import { TokenBrokerError } from './errors.ts';
import type { HttpRequest } from './https.ts';

/** AWS keys, in the shape that the SDK's credential providers return. */
export interface AwsCredentials {
  /** The id of the key, such as `AKIA…` or `ASIA…`. */
  readonly accessKeyId: string;
  /** The secret that signs. It is never sent. */
  readonly secretAccessKey: string;
  /** Of temporary keys, such as those of a role. It is sent with each request. */
  readonly sessionToken?: string | undefined;
}

/** Returns the AWS keys. The client calls it before every signature, so it uses rotated keys from the next call on. */
export type CredentialProvider = () => Promise<AwsCredentials>;

/**
 * Returns the provider's keys, without an empty session token.
 *
 * @throws TokenBrokerError `aws_credentials` if the provider throws anything or returns no keys, or if a key has characters
 *   that no key has: HTTP headers do not take a line end
 */
export async function keysOf(provider: CredentialProvider): Promise<AwsCredentials & { sessionToken?: string }> {
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = await provider();
    if (accessKeyId && secretAccessKey) {
      checkKey('access key', accessKeyId);
      checkKey('secret key', secretAccessKey);
      checkKey('session token', sessionToken);
      return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
    }
  } catch (cause) {
    throw cause instanceof TokenBrokerError ? cause : noKeys(cause);
  }
  throw noKeys();
}

function checkKey(name: string, key = ''): void {
  if (/[^\x21-\x7e]/.test(key)) {
    const text = `The AWS ${name} has a line end, a space or another character that no key has. Set it without that;`;
    throw new TokenBrokerError('aws_credentials', `${text} files with Windows line ends are a common cause.`);
  }
}

function noKeys(cause?: unknown): TokenBrokerError {
  const text = 'The provider of AWS credentials returned no keys. Check the option `credentials`.';
  return new TokenBrokerError('aws_credentials', text, { cause });
}

/** The services that the client and the command line call. */
export type SignedService = 'execute-api' | 'lambda' | 'secretsmanager' | 'sts';

/** Returns the signed request. The signing time `at` is in epoch milliseconds. */
export type Sign = (request: HttpRequest, keys: AwsCredentials, at: number) => Promise<HttpRequest>;

const Sha256 = Hash.bind(null, 'sha256');

/**
 * Returns a signer for one service of AWS. It signs every header, the query, and the host with its port.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export function signer(service: SignedService, region: string): Sign {
  return async ({ url, headers, body }, { accessKeyId, secretAccessKey, sessionToken }, at) => {
    const credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
    const v4 = new SignatureV4({ service, region, credentials, sha256: Sha256 });
    const { protocol, hostname, host, pathname: path } = url;
    const query = Object.fromEntries(url.searchParams);
    const unsigned = { method: 'POST', protocol, hostname, path, query, headers: { ...headers, host }, body };
    const signed = await v4.sign(unsigned, { signingDate: new Date(at) });
    return { url, headers: signed.headers, body };
  };
}

import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { TokenBrokerError } from './errors.ts';
import type { Outgoing } from './https.ts';

/** AWS keys, as the SDK's credential providers give them. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Asked before every signature, so that keys which have rotated are used from the next call on. */
export type CredentialProvider = () => Promise<AwsCredentials>;

/**
 * Asks for keys.
 *
 * @throws TokenBrokerError `aws_credentials`, whatever the provider throws
 */
export async function keysOf(provider: CredentialProvider): Promise<AwsCredentials & { sessionToken?: string }> {
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = await provider();
    if (accessKeyId && secretAccessKey) {
      return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
    }
  } catch (cause) {
    throw cause instanceof TokenBrokerError ? cause : noKeys(cause);
  }
  throw noKeys();
}

function noKeys(cause?: unknown): TokenBrokerError {
  return new TokenBrokerError('aws_credentials', 'The provider of AWS credentials has none.', { cause });
}

/** Signs a request as of `at` (epoch milliseconds). */
export type Sign = (request: Outgoing, keys: AwsCredentials, at: number) => Promise<Outgoing>;

type Bytes = string | ArrayBuffer | ArrayBufferView;

/** SHA-256, keyed or not, as the signer wants it: something to call `new` on. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: Bytes) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret));
  }

  update(data: Bytes): void {
    this.#hash.update(bytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function bytes(data: Bytes): string | Uint8Array {
  if (typeof data === 'string') {
    return data;
  }
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/**
 * Signature version 4 for an API Gateway REST API. Every header given is signed, the host with its port included.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export function signer(region: string): Sign {
  return async ({ url, headers, body }, { accessKeyId, secretAccessKey, sessionToken }, at) => {
    const credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
    const v4 = new SignatureV4({ service: 'execute-api', region, credentials, sha256: Sha256 });
    const { protocol, hostname, host, pathname: path } = url;
    const unsigned = { method: 'POST', protocol, hostname, path, query: {}, headers: { ...headers, host }, body };
    const signed = await v4.sign(unsigned, { signingDate: new Date(at) });
    return { url, headers: signed.headers, body };
  };
}

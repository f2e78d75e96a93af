// Makes HTTP calls with a signature, or without one. Used by the tests that call the gateway.
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { SigningKeys } from '../../local/gateway/sigv4.ts';

/** What a call has instead of the defaults. */
export interface CallOptions {
  /** @default POST */
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** @default execute-api */
  readonly service?: string;
  /** @default us-east-1 */
  readonly region?: string;
  /** The date of the signature. @default now */
  readonly at?: Date;
  /** Changes the request after it was signed. */
  readonly tamper?: (signed: { url: URL; headers: Record<string, string>; body: string | undefined }) => void;
}

/** An answer with its body read. */
export interface CallAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The members of the body. Empty if the body is not a JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Makes a call that the SDK's signer signs, and reads the answer. */
export async function signedCall(url: string, keys: SigningKeys, options: CallOptions = {}): Promise<CallAnswer> {
  const { method = 'POST', body, service = 'execute-api', region = 'us-east-1', at = new Date() } = options;
  const target = new URL(url);
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  const signer = new SignatureV4({ service, region, credentials, sha256: Hash.bind(null, 'sha256') });
  const unsigned = {
    method,
    protocol: target.protocol,
    hostname: target.hostname,
    path: target.pathname,
    query: Object.fromEntries([...target.searchParams.keys()].map((name) => [name, target.searchParams.getAll(name)])),
    headers: { host: target.host, ...options.headers },
    ...(body !== undefined && { body }),
  };
  const { headers } = await signer.sign(unsigned, { signingDate: at });
  const sent = { url: target, headers, body };
  options.tamper?.(sent);
  return plainCall(sent.url.href, {
    method,
    headers: sent.headers,
    ...(sent.body !== undefined && { body: sent.body }),
  });
}

/** Makes a call without a signature, and reads the answer. */
export async function plainCall(url: string, init: RequestInit = { method: 'POST' }): Promise<CallAnswer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: readMembers(text) };
}

function readMembers(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

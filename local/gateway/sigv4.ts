// Checks AWS signatures, version 4. Called by gateway.ts.
import { createHash, timingSafeEqual } from 'node:crypto';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';

/** A request as the client sent it. */
export interface ArrivedRequest {
  readonly method: string;
  /** Percent-encoded as the client sent it, without the query. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** By lower-case name. Values of the same name are joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** An access key with its secret. A role has a session token too. */
export interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** When the session ends, epoch milliseconds. */
  readonly expiresAt?: number;
}

/** What a signature is checked against. */
export interface SignatureCheck<Keys extends SigningKeys> {
  readonly keysOf: (accessKeyId: string) => Keys | undefined;
  readonly region: string;
  readonly service: string;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** The reason why AWS refuses a request. `type` is the value of the `x-amzn-ErrorType` header. */
export class Refusal extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

interface Authorization {
  readonly accessKeyId: string;
  readonly scope: string;
  readonly signedHeaders: ReadonlySet<string>;
  readonly signature: string;
}

const algorithm = 'AWS4-HMAC-SHA256';
const toleranceMs = 5 * 60_000;

/**
 * Returns the keys that signed the request. Signs the request again with the key that it names, and compares the two
 * signatures.
 *
 * @throws Refusal with the type that API Gateway answers
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export async function authenticate<Keys extends SigningKeys>(
  request: ArrivedRequest,
  { keysOf, region, service, now }: SignatureCheck<Keys>,
): Promise<Keys> {
  const authorization = parseAuthorization(request.headers.get('authorization'));
  const keys = keysOf(authorization.accessKeyId);
  if (keys === undefined || request.headers.get('x-amz-security-token') !== keys.sessionToken) {
    throw new Refusal('UnrecognizedClientException', 'The security token included in the request is invalid.');
  }
  if (keys.expiresAt !== undefined && keys.expiresAt <= now) {
    throw new Refusal('ExpiredTokenException', 'The security token included in the request is expired');
  }
  const date = dateOf(request);
  if (authorization.scope !== `${date.text.slice(0, 8)}/${region}/${service}/aws4_request`) {
    throw invalid(`Credential should be scoped to a valid region and to the service ${service}.`);
  }
  if (Math.abs(now - date.epochMs) > toleranceMs) {
    const [state, side] = date.epochMs < now ? ['expired', 'earlier'] : ['not yet current', 'later'];
    throw invalid(`Signature ${state}: ${date.text} is now ${side} than 5 min. around ${new Date(now).toISOString()}`);
  }
  if (!authorization.signedHeaders.has('host') || !hasStatedBody(request)) {
    throw invalid('The host must be signed, and the body be the one that was signed.');
  }
  const signer = { ...keys, region, service, date: new Date(date.epochMs) };
  if (!isSame(authorization.signature, await signatureOf(request, authorization.signedHeaders, signer))) {
    const advice =
      'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
    throw invalid(`The request signature we calculated does not match the signature you provided. ${advice}`);
  }
  return keys;
}

function parseAuthorization(header: string | undefined): Authorization {
  if (header === undefined) {
    throw new Refusal('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  const [scheme, ...rest] = header.split(' ');
  const parts = new Map(rest.join('').split(',').map(splitPart));
  const [accessKeyId, ...scope] = parts.get('Credential')?.split('/') ?? [];
  const signedHeaders = parts.get('SignedHeaders');
  const signature = parts.get('Signature');
  if (scheme !== algorithm || !accessKeyId || signedHeaders === undefined || signature === undefined) {
    throw incomplete('Authorization requires Credential, SignedHeaders and Signature.');
  }
  return { accessKeyId, scope: scope.join('/'), signedHeaders: new Set(signedHeaders.split(';')), signature };
}

function splitPart(part: string): [string, string] {
  const at = part.indexOf('=');
  return [part.slice(0, at), part.slice(at + 1)];
}

function dateOf({ headers }: ArrivedRequest): { readonly text: string; readonly epochMs: number } {
  const text = headers.get('x-amz-date') ?? '';
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  if (iso === text || Number.isNaN(Date.parse(iso))) {
    throw incomplete("Authorization requires a valid 'X-Amz-Date' header.");
  }
  return { text, epochMs: Date.parse(iso) };
}

/** The signature covers the digest in `x-amz-content-sha256` in place of the body, so the digest must fit the body. */
function hasStatedBody({ headers, body }: ArrivedRequest): boolean {
  const stated = headers.get('x-amz-content-sha256');
  return stated === undefined || stated === createHash('sha256').update(body).digest('hex');
}

interface Signer extends SigningKeys {
  readonly region: string;
  readonly service: string;
  readonly date: Date;
}

async function signatureOf(request: ArrivedRequest, names: ReadonlySet<string>, signer: Signer): Promise<string> {
  const { method, path, body } = request;
  const { accessKeyId, secretAccessKey, region, service, date: signingDate } = signer;
  const credentials = { accessKeyId, secretAccessKey };
  const sha256 = Hash.bind(null, 'sha256');
  const v4 = new SignatureV4({ service, region, credentials, sha256, applyChecksum: false });
  const headers = Object.fromEntries([...request.headers].filter(([name]) => names.has(name)));
  const query = Object.fromEntries(
    request.query.map(([name]) => [name, request.query.filter(([other]) => other === name).map(([, value]) => value)]),
  );
  const unsigned = { method, protocol: 'http:', hostname: '', path, query, headers, body };
  const signed = await v4.sign(unsigned, { signingDate, signableHeaders: new Set(names) });
  return parseAuthorization(signed.headers.authorization).signature;
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function incomplete(message: string): Refusal {
  return new Refusal('IncompleteSignatureException', message);
}

function invalid(message: string): Refusal {
  return new Refusal('InvalidSignatureException', message);
}

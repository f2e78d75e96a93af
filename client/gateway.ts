import { isKeyFault, TokenBrokerError } from './errors.ts';
import { type Incoming, post } from './https.ts';
import { type CredentialProvider, keysOf, signer } from './signer.ts';
import { unlessAborted } from './single-flight.ts';
import { type Answer, type Ask, type Reply, readFailure, readToken } from './token-response.ts';

/** A broker behind an API Gateway REST API with IAM authorisation. */
export interface Gateway {
  /** The stage's URL, without `/token`. */
  readonly endpoint: URL;
  readonly region: string;
  /** The broker's default account where absent. */
  readonly account: string | undefined;
  readonly credentials: CredentialProvider;
}

/** Asks through the gateway, signed with the caller's AWS keys. `now` is epoch milliseconds. */
export function throughGateway({ endpoint, region, account, credentials }: Gateway, now: () => number): Ask {
  const url = tokenUrl(endpoint, account);
  const sign = signer(region);
  // AWS's clock minus ours, once a signature was refused. Milliseconds.
  let aheadMs = 0;

  async function send(body: string, signal: AbortSignal): Promise<Incoming> {
    const keys = await unlessAborted(keysOf(credentials), signal);
    const request = { url, headers: { 'content-type': 'application/json' }, body };
    return post(await sign(request, keys, now() + aheadMs), signal);
  }

  return async (question, signal) => {
    const body = JSON.stringify(question);
    const first = await send(body, signal);
    if (!isBadSignature(first)) {
      return read(first, account);
    }
    aheadMs = clockDifference(first, now());
    return read(await send(body, signal), account);
  };
}

function tokenUrl(endpoint: URL, account: string | undefined): URL {
  const url = new URL(endpoint);
  const stage = url.pathname.replace(/\/+$/, '');
  url.pathname = account === undefined ? `${stage}/token` : `${stage}/token/${encodeURIComponent(account)}`;
  url.search = '';
  return url;
}

/** @throws TokenBrokerError for every answer but a token */
function read(incoming: Incoming, account: string | undefined): Answer {
  const requestId = incoming.headers['x-amzn-requestid'];
  const reply: Reply = {
    body: incoming.body,
    status: incoming.status,
    retryAfter: incoming.headers['retry-after'],
    requestId: typeof requestId === 'string' ? requestId : undefined,
  };
  if (errorType(incoming) === 'MissingAuthenticationTokenException') {
    // What API Gateway says of a signed request, too, where it knows no such path.
    const text = 'No token broker is at this path of the endpoint: it must be the stage’s URL.';
    throw new TokenBrokerError('unexpected_answer', text, { requestId: reply.requestId });
  }
  if (isKeyFault(errorType(incoming))) {
    const text = 'AWS does not take the credentials, or their signature.';
    throw new TokenBrokerError('aws_credentials', text, { requestId: reply.requestId });
  }
  if (incoming.status !== 200) {
    throw readFailure(reply);
  }
  return readToken(reply, account);
}

/** A clock that is over 5 minutes off gets this, and so do keys that rotated on the way. */
function isBadSignature(incoming: Incoming): boolean {
  return errorType(incoming) === 'InvalidSignatureException';
}

/** Why AWS itself refused, by name. A colon and an address may follow. */
function errorType({ headers }: Incoming): string {
  const type = headers['x-amzn-errortype'];
  return typeof type === 'string' ? type.replace(/:.*$/, '') : '';
}

function clockDifference({ headers }: Incoming, now: number): number {
  const serverTime = Date.parse(headers.date ?? '');
  return Number.isNaN(serverTime) ? 0 : serverTime - now;
}

// Sends a password grant to Fegora. Created by ../handler.ts, called by the broker.
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Credentials, FailedLogin, Login, LoginOutcome } from '../broker/ports.ts';
import { BrokerError, type ErrorCode } from '../errors.ts';
import { failedLogin, interpret, type TokenResponse } from './token-response.ts';

/** Where to log in, and with which clock. */
export interface FegoraOptions {
  /** The token endpoint, checked by `parseConfig`. */
  readonly tokenUrl: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

type SendOptions = Parameters<Login>[1];
type Withheld = Extract<LoginOutcome, { kind: 'withheld' }>;

/** Far more than a token response needs. A longer body is not read to its end. Bytes. */
const longestBody = 64 * 1024;
const longestHead = 16 * 1024;

/**
 * Creates the function that logs in. Each request has a new connection: pooled sockets die while an environment is
 * frozen, and logins are so rare that a pool would save little. It does not follow redirects, because a redirect would
 * send the password to another place.
 *
 * @see RFC 6749 section 4.3.2; Fegora's page «Solicitar Token»
 */
export function createLogin({ tokenUrl, now }: FegoraOptions): Login {
  const url = new URL(tokenUrl);
  return async (credentials, options) => {
    const form = passwordGrant(credentials);
    const first = await sendForm(url, form, options);
    // A second attempt is safe if no byte was sent (no name, refused, no TLS): Fegora did not get the password.
    const last = isUnsent(first) && !options.signal.aborted ? await sendForm(url, form, options) : first;
    return 'kind' in last ? last : interpret(last, { username: credentials.username, now: now() });
  };
}

/** Escapes the characters that have a meaning in a form (`+`, `&`, `=`, `%`) and all that are not ASCII. */
function passwordGrant({ username, password, clientId }: Credentials): string {
  return new URLSearchParams({ grant_type: 'password', username, password, client_id: clientId }).toString();
}

function isUnsent(end: TokenResponse | FailedLogin | Withheld): boolean {
  return 'kind' in end && end.kind === 'failed' && end.reached === 'no';
}

/** Sends one request and reads its response. Never rejects. */
async function sendForm(
  url: URL,
  form: string,
  { signal, beforeFirstByte }: SendOptions,
): Promise<TokenResponse | FailedLogin | Withheld> {
  // Loaded here, because most invocations do not log in.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const outgoing = request(url, requestOptions(form));
  const broken = connectionFailure(outgoing, signal);
  const answer = answerTo(outgoing);
  try {
    const connectError = await Promise.race([broken, connectionOf(outgoing, url)]);
    if (connectError !== undefined) {
      return failedLogin(connectError, { reached: 'no' });
    }
    if (!beforeFirstByte()) {
      return { kind: 'withheld' };
    }
    outgoing.end(form);
    const end = await Promise.race([broken, answer]);
    return end instanceof BrokerError ? failedLogin(end, { reached: 'unknown' }) : end;
  } finally {
    outgoing.destroy();
  }
}

function requestOptions(form: string): RequestOptions {
  return {
    method: 'POST',
    agent: false,
    rejectUnauthorized: true,
    maxHeaderSize: longestHead,
    headers: {
      Accept: 'application/json',
      'Accept-Encoding': 'identity',
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Length': Buffer.byteLength(form),
    },
  };
}

/** Resolves when bytes can be written: after the TCP handshake or, with https, after the TLS handshake. */
function connectionOf(outgoing: ClientRequest, url: URL): Promise<undefined> {
  const event = url.protocol === 'https:' ? 'secureConnect' : 'connect';
  return new Promise((resolve) => {
    outgoing.once('socket', (socket) => socket.once(event, () => resolve(undefined)));
  });
}

/** Resolves when the connection fails before the head of the response, or when the signal aborts. */
function connectionFailure(outgoing: ClientRequest, signal: AbortSignal): Promise<BrokerError> {
  return new Promise((resolve) => {
    const timeUp = (): void => resolve(new BrokerError('upstream_timeout', 'Fegora did not answer in time'));
    const onError = (error: NodeJS.ErrnoException): void => resolve(connectionError(error.code ?? 'EUNKNOWN'));
    signal.aborted ? timeUp() : signal.addEventListener('abort', timeUp);
    outgoing.on('error', onError);
    // After the head, the response reports whether it is complete. Errors after its end do not matter.
    outgoing.once('response', () => outgoing.off('error', onError).on('error', () => {}));
  });
}

/** Keeps only the code: Node's errors contain host names, and those of its parser contain bytes of the response. */
function connectionError(code: string): BrokerError {
  return new BrokerError(brokerCodeOf(code), `the connection failed: ${code}`);
}

/** A code that is neither the system's (`ECONNRESET`, `EAI_AGAIN`) nor the HTTP parser's (`HPE_…`) comes from TLS. */
function brokerCodeOf(code: string): ErrorCode {
  if (code.startsWith('HPE_')) {
    return 'upstream_invalid_response';
  }
  return /^E(?!PROTO)(?:AI_)?[A-Z]+$/.test(code) ? 'upstream_unavailable' : 'upstream_tls';
}

function answerTo(outgoing: ClientRequest): Promise<TokenResponse | BrokerError> {
  return new Promise((resolve) => outgoing.once('response', (response) => readCapped(response, resolve)));
}

/** Reads the body up to the cap. It does not read an encoded body, which may expand without limit. */
function readCapped(response: IncomingMessage, done: (end: TokenResponse | BrokerError) => void): void {
  const {
    'content-type': contentType,
    'content-encoding': encoding = '',
    'retry-after': retryAfter,
  } = response.headers;
  const head = { status: response.statusCode ?? 0, contentType, retryAfter };
  // One buffer for all chunks: when each chunk was kept, three responses in chunks of one byte took 98 MiB.
  const body = Buffer.alloc(longestBody);
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    chunk.copy(body, length);
    length += chunk.length;
    if (length > longestBody) {
      done(head);
    }
  });
  response.on('end', () => done({ ...head, body: body.subarray(0, length) }));
  response.on('error', () => done(new BrokerError('upstream_unavailable', 'the response was cut short')));
  if (!/^(?:identity)?$/i.test(encoding)) {
    done(head);
  }
}

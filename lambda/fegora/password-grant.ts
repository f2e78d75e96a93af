import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Credentials, Login, LoginOutcome } from '../broker/ports.ts';
import { BrokerError, type ErrorCode } from '../errors.ts';
import { interpret, type TokenResponse } from './token-response.ts';

/** Where to log in, and by which clock. */
export interface FegoraOptions {
  /** The token endpoint, as `parseConfig` lets it through. */
  readonly tokenUrl: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

type Flight = Parameters<Login>[1];
type Failed = Extract<LoginOutcome, { kind: 'failed' }>;

/** Far more than any token response needs; what is longer is not read to its end. Bytes. */
const longestBody = 64 * 1024;
const longestHead = 16 * 1024;

/**
 * The password grant, each over a connection of its own: pooled sockets die while an environment is frozen, and logins
 * are too rare to miss them. Redirects are not followed, for they would carry the password elsewhere.
 *
 * @see RFC 6749 section 4.3.2; Fegora's page «Solicitar Token»
 */
export function createLogin({ tokenUrl, now }: FegoraOptions): Login {
  const url = new URL(tokenUrl);
  return async (credentials, flight) => {
    const form = passwordGrant(credentials);
    const first = await send(url, form, flight);
    // Once more where not a byte was sent (no name, refused, no TLS): nobody saw the password, and nobody logged in.
    const last = isUnsent(first) && !flight.signal.aborted ? await send(url, form, flight) : first;
    return 'kind' in last ? last : interpret(last, { username: credentials.username, now: now() });
  };
}

/** Escapes all that Fegora's form parser would take for its own (`+`, `&`, `=`, `%`) and all that is not ASCII. */
function passwordGrant({ username, password, clientId }: Credentials): string {
  return new URLSearchParams({ grant_type: 'password', username, password, client_id: clientId }).toString();
}

function isUnsent(end: TokenResponse | Failed): boolean {
  return 'kind' in end && end.reached === 'no';
}

/** Sends one request and reads its answer. Rejects only with what `beforeFirstByte` throws. */
async function send(url: URL, form: string, { signal, beforeFirstByte }: Flight): Promise<TokenResponse | Failed> {
  // Loaded here, because most invocations never log in.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const outgoing = request(url, requestOptions(form));
  const broken = breakOf(outgoing, signal);
  const answer = answerTo(outgoing);
  try {
    const early = await Promise.race([broken, connectionOf(outgoing, url)]);
    if (early !== undefined) {
      return failed(early, 'no');
    }
    beforeFirstByte();
    outgoing.end(form);
    const end = await Promise.race([broken, answer]);
    return end instanceof BrokerError ? failed(end, 'unknown') : end;
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

/** Resolves when bytes could be written: after TCP's handshake and, where there is one, after TLS's. */
function connectionOf(outgoing: ClientRequest, url: URL): Promise<undefined> {
  const event = url.protocol === 'https:' ? 'secureConnect' : 'connect';
  return new Promise((resolve) => {
    outgoing.once('socket', (socket) => socket.once(event, () => resolve(undefined)));
  });
}

/** Resolves when nothing more will come before the answer's head, or when time is up. */
function breakOf(outgoing: ClientRequest, signal: AbortSignal): Promise<BrokerError> {
  return new Promise((resolve) => {
    const timeUp = (): void => resolve(new BrokerError('upstream_timeout', 'no answer in time'));
    const breakDown = (error: NodeJS.ErrnoException): void => resolve(breakdown(error.code ?? 'EUNKNOWN'));
    signal.aborted ? timeUp() : signal.addEventListener('abort', timeUp);
    outgoing.on('error', breakDown);
    // From its head on, the answer itself tells whether it came to its end; bytes after that do not matter.
    outgoing.once('response', () => outgoing.off('error', breakDown).on('error', () => {}));
  });
}

/**
 * The code alone is kept: Node's own errors carry host names and, where the parser stumbled, the bytes of the answer.
 * What comes neither from the system (`ECONNRESET`, `EAI_AGAIN`) nor from the HTTP parser (`HPE_…`) comes from TLS.
 */
function breakdown(code: string): BrokerError {
  return new BrokerError(codeOf(code), `the connection failed: ${code}`);
}

function codeOf(code: string): ErrorCode {
  if (code.startsWith('HPE_')) {
    return 'upstream_invalid_response';
  }
  return /^E(?!PROTO)(?:AI_)?[A-Z]+$/.test(code) ? 'upstream_unavailable' : 'upstream_tls';
}

function answerTo(outgoing: ClientRequest): Promise<TokenResponse | BrokerError> {
  return new Promise((resolve) => outgoing.once('response', (response) => read(response, resolve)));
}

/** Reads the body as far as it is any use: not an encoded one (it may swell without end), and no more than the cap. */
function read(response: IncomingMessage, done: (end: TokenResponse | BrokerError) => void): void {
  const {
    'content-type': contentType,
    'content-encoding': encoding = '',
    'retry-after': retryAfter,
  } = response.headers;
  const head = { status: response.statusCode ?? 0, contentType, retryAfter };
  // One buffer for all: kept as they came, three answers in chunks of one byte took 98 MiB.
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
  response.on('error', () => done(new BrokerError('upstream_unavailable', 'the answer was cut short')));
  if (!/^(?:identity)?$/i.test(encoding)) {
    done(head);
  }
}

function failed(error: BrokerError, reached: 'no' | 'unknown'): Failed {
  return { kind: 'failed', error, reached, answer: error.code };
}

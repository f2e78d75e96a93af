// Opens a connection to Fegora and sends one grant over it: a password, or a refresh token. Created by ../handler.ts, called by the broker.
import type { ClientRequest } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { FailedLogin, LoginOutcome } from '../broker/login/login-outcome.ts';
import type { Credentials, GrantType, Login, LoginConnection, SendOptions } from '../broker/ports.ts';
import { BrokerError, type ErrorCode } from '../errors.ts';
import type { EarlyConnection } from './early-connection.ts';
import { readCapped } from './read-response.ts';
import { refreshGrant } from './refresh-grant.ts';
import { failedLogin, interpret, type TokenResponse } from './token-response.ts';

/** Where to log in, and with which clock. */
export interface FegoraOptions {
  /** The token endpoint, checked by `parseConfig`. */
  readonly tokenUrl: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** `refresh_token`: the refresh token of an answer is read. @default `password` */
  readonly renewWith?: GrantType;
  /** A connection that the first login takes if it can. @default none */
  readonly early?: Pick<EarlyConnection, 'take'>;
}

type Withheld = Extract<LoginOutcome, { kind: 'withheld' }>;

/** A request whose connection is open. No byte of the request is sent. */
interface OpenRequest {
  readonly outgoing: ClientRequest;
  /** Resolves when the connection fails, closes or brings a response. Before the first byte, each is a failure. */
  readonly spoilt: Promise<BrokerError>;
  /** The response, or why there is none. */
  readonly end: Promise<TokenResponse | BrokerError>;
}

/** Far more than the head of a token response needs. Bytes. */
const longestHead = 16 * 1024;

/**
 * Creates the function that opens a connection for one login. Connections are not reused: pooled sockets die while an
 * environment is frozen, and logins are so rare that a pool would save little. It does not follow redirects, because a
 * redirect would send the password to another place.
 *
 * @see RFC 6749 section 4.3.2; Fegora's page «Solicitar Token»
 */
export function createLogin(options: FegoraOptions): Login {
  const { tokenUrl, early } = options;
  const url = new URL(tokenUrl);
  return async (signal) => {
    const taking = early?.take(signal);
    const taken = taking && (await taking);
    if (taken !== undefined) {
      return taken;
    }
    const first = await openRequest(url, signal);
    // A second attempt is safe: nothing is sent before the connection is open (no name, refused, no TLS).
    const last = first instanceof BrokerError && !signal.aborted ? await openRequest(url, signal) : first;
    return last instanceof BrokerError ? failedLogin(last, { reached: 'no' }) : connectionOf(last, options);
  };
}

function connectionOf(open: OpenRequest, { now, renewWith }: FegoraOptions): LoginConnection {
  const keepsRefreshToken = renewWith === 'refresh_token';
  return {
    kind: 'connected',
    send: async (credentials, options) => {
      const { refreshToken } = options;
      const form = refreshToken === undefined ? passwordGrant(credentials) : refreshGrant(credentials, refreshToken);
      const end = await sendForm(open, form, options);
      const { username } = credentials;
      return 'kind' in end ? end : interpret(end, { username, now: now(), keepsRefreshToken });
    },
    close: () => {
      open.outgoing.destroy();
    },
  };
}

/** Escapes the characters that have a meaning in a form (`+`, `&`, `=`, `%`) and all that are not ASCII. */
function passwordGrant({ username, password, clientId }: Credentials): string {
  return new URLSearchParams({ grant_type: 'password', username, password, client_id: clientId }).toString();
}

/** Makes the TCP handshake and, with https, the TLS handshake. Never rejects. */
async function openRequest(url: URL, signal: AbortSignal): Promise<OpenRequest | BrokerError> {
  // Loaded here, because most invocations do not log in.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const outgoing = request(url, requestOptions);
  const open = { outgoing, spoilt: spoiltOf(outgoing), end: endOf(outgoing) };
  const late = timeUp(signal, 'the connection to Fegora was not open in time');
  const failure = await Promise.race([open.spoilt, late, handshakeOf(outgoing, url)]);
  if (failure !== undefined) {
    outgoing.destroy();
  }
  return failure ?? open;
}

/** Sends the form over a connection and reads the response. Never rejects. */
async function sendForm(
  { outgoing, spoilt, end }: OpenRequest,
  form: string,
  { signal, beforeFirstByte }: SendOptions,
): Promise<TokenResponse | FailedLogin | Withheld> {
  const late = timeUp(signal, 'Fegora did not answer in time');
  try {
    // If the connection died during a freeze, the event loop reports it within two turns, and nothing is sent.
    const failure = await Promise.race([spoilt, late, eventLoopTurn().then(eventLoopTurn)]);
    if (failure !== undefined) {
      return failedLogin(failure, { reached: 'no' });
    }
    if (!beforeFirstByte()) {
      return { kind: 'withheld' };
    }
    outgoing.end(form);
    const response = await Promise.race([end, late]);
    // Fegora may have got the password, even if its side was closed: a proxy may have closed it.
    return response instanceof BrokerError ? failedLogin(response, { reached: 'unknown' }) : response;
  } finally {
    outgoing.destroy();
  }
}

const requestOptions: RequestOptions = {
  method: 'POST',
  agent: false,
  rejectUnauthorized: true,
  maxHeaderSize: longestHead,
  headers: {
    Accept: 'application/json',
    'Accept-Encoding': 'identity',
    'Content-Type': 'application/x-www-form-urlencoded',
  },
};

/** Resolves when bytes can be written: after the TCP handshake or, with https, after the TLS handshake. */
function handshakeOf(outgoing: ClientRequest, url: URL): Promise<undefined> {
  const event = url.protocol === 'https:' ? 'secureConnect' : 'connect';
  return new Promise((resolve) => {
    outgoing.once('socket', (socket) => socket.once(event, () => resolve(undefined)));
  });
}

function timeUp(signal: AbortSignal, detail: string): Promise<BrokerError> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(new BrokerError('upstream_timeout', detail));
    signal.aborted ? onAbort() : signal.addEventListener('abort', onAbort, { once: true });
  });
}

function eventLoopTurn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(resolve, undefined));
}

function spoiltOf(outgoing: ClientRequest): Promise<BrokerError> {
  const end = (detail: string) => new BrokerError('upstream_unavailable', detail);
  return new Promise((resolve) => {
    outgoing.once('error', (error) => resolve(connectionError(error)));
    outgoing.once('response', () => resolve(end('Fegora answered before the login was sent')));
    outgoing.once('close', () => resolve(end('the connection closed before the login was sent')));
  });
}

/** Resolves with the response, or when the connection fails before the head of the response. */
function endOf(outgoing: ClientRequest): Promise<TokenResponse | BrokerError> {
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException): void => resolve(connectionError(error));
    outgoing.on('error', onError);
    outgoing.once('response', (response) => {
      // From here on, the response reports whether it is complete. Errors after its end do not matter.
      outgoing.off('error', onError).on('error', () => {});
      readCapped(response, resolve);
    });
  });
}

/** Keeps only the code: Node's errors contain host names, and those of its parser contain bytes of the response. */
function connectionError({ code = 'EUNKNOWN' }: NodeJS.ErrnoException): BrokerError {
  return new BrokerError(brokerCodeOf(code), `the connection failed: ${code}`);
}

/** A code that is neither the system's (`ECONNRESET`, `EAI_AGAIN`) nor the HTTP parser's (`HPE_…`) comes from TLS. */
function brokerCodeOf(code: string): ErrorCode {
  if (code === 'ETIMEDOUT') {
    return 'upstream_timeout';
  }
  if (code.startsWith('HPE_')) {
    return 'upstream_invalid_response';
  }
  return /^E(?!PROTO)(?:AI_)?[A-Z]+$/.test(code) ? 'upstream_unavailable' : 'upstream_tls';
}

// Sends one HTTP request to Fegora and reads the answer. Called by requests.ts; requests.test.ts tests it.
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { FegoraRequest } from './event.ts';

/** An answer of Fegora. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the body was longer than the limit. It is then empty. */
  readonly isTooLong: boolean;
  /** Time until the status came. Milliseconds. */
  readonly afterMs: number;
}

/** There is no complete answer. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
  /** Whether anything may have reached Fegora. */
  readonly isSent: boolean;

  constructor(isSent: boolean, reason: string) {
    super(reason);
    this.isSent = isSent;
  }
}

/** The time and the size that an answer may take. */
export interface Limits {
  readonly timeoutMs: number;
  readonly mostBytes: number;
}

/**
 * Sends a request on a new connection: Lambda freezes a function between invocations, and a request on a connection that
 * died in the freeze has no known outcome. It follows no redirects, and always verifies the certificate.
 *
 * @param bearer the token
 * @throws Unanswered if the connection or the time ends before the answer does
 */
export async function send(request: FegoraRequest, bearer: string, limits: Limits): Promise<Answer> {
  const { method, url, body, headers } = request;
  const startedAt = performance.now();
  const isPlain = url.protocol === 'http:';
  const sent = (isPlain ? http : https).request(url, {
    method,
    headers: {
      ...headers,
      authorization: `Bearer ${bearer}`,
      ...(body && { 'content-length': Buffer.byteLength(body) }),
    },
    agent: false,
    rejectUnauthorized: true,
  });
  let isSent = false;
  sent.once('socket', (socket) => socket.once(isPlain ? 'connect' : 'secureConnect', () => (isSent = true)));
  const timer = setTimeout(() => sent.destroy(new Error('no answer in time')), limits.timeoutMs);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      // A 101 response closes the request without a response event and without an error event.
      const closed = () => reject(new Error('closed without an answer'));
      sent.once('response', resolve).on('error', reject).once('close', closed).end(body);
    });
    const { statusCode: status = 0, headers: received } = response;
    const afterMs = performance.now() - startedAt;
    return { status, headers: received, afterMs, ...(await readBody(response, limits.mostBytes)) };
  } catch (thrown) {
    const { code, message }: { code?: unknown; message?: unknown } = Object(thrown);
    throw new Unanswered(isSent, String(code ?? message).slice(0, 100));
  } finally {
    clearTimeout(timer);
    sent.destroy();
  }
}

async function readBody(response: IncomingMessage, mostBytes: number): Promise<Pick<Answer, 'body' | 'isTooLong'>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > mostBytes) {
      return { body: Buffer.alloc(0), isTooLong: true };
    }
  }
  return { body: Buffer.concat(chunks), isTooLong: false };
}

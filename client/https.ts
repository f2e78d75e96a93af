// Sends one HTTP POST and reads the response. Called by signed-post.ts, and by local/start.ts for its first call.
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isLoopback } from './endpoint.ts';
import { TokenBrokerError } from './errors.ts';
import { type ProxyVariables, proxyAgent } from './proxy.ts';
import { unreachable } from './unreachable.ts';

/** A request to send with POST. The body is always JSON text. */
export interface HttpRequest {
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** The response, with its complete body. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const maxBodyBytes = 64 * 1024;

/** Codes of a connection that was closed or reset, and of a name server that has no answer now. */
const brokenOff = new Set(['ECONNRESET', 'EPIPE', 'EAI_AGAIN']);
const unanswered = new WeakSet<object>();

/** Returns true if a failure of `post` is a connection that broke off before it brought an answer. */
export function isUnanswered(failure: unknown): boolean {
  return typeof failure === 'object' && failure !== null && unanswered.has(failure);
}

/**
 * Sends a POST on a new connection. Lambda freezes a function between invocations, and a kept connection is dead after
 * the freeze: a POST on a dead connection fails. The function does not follow redirects. It always verifies the
 * server's certificate, also if `NODE_TLS_REJECT_UNAUTHORIZED` is 0.
 *
 * @param env the variables that may name a proxy. A request to loopback never goes through one
 * @throws TokenBrokerError `broker_unreachable`, or `unexpected_answer` for a body over 64 KiB
 * @throws the signal's reason when the signal aborts
 */
export async function post(
  { url, headers, body }: HttpRequest,
  signal: AbortSignal,
  env: ProxyVariables = {},
): Promise<HttpResponse> {
  signal.throwIfAborted();
  const { request } = url.protocol === 'http:' ? http : https;
  const agent = (isLoopback(url) ? undefined : proxyAgent(env)) ?? false;
  const sent = request(url, { method: 'POST', headers, agent, signal, rejectUnauthorized: true });
  let isAnswered = false;
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      // A 101 response (switching protocols) closes the request without a response event and without an error event.
      const closed = () => reject(new Error('closed without a response'));
      sent.once('response', resolve).once('error', reject).once('close', closed).end(body);
    });
    isAnswered = true;
    const text = await readBody(response);
    return { status: response.statusCode ?? 0, headers: response.headers, body: text };
  } catch (failure) {
    signal.throwIfAborted();
    throw failure instanceof TokenBrokerError ? failure : brokenOffOr(unreachable(failure, url, env), isAnswered);
  } finally {
    sent.destroy();
  }
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBodyBytes) {
      throw new TokenBrokerError(
        'unexpected_answer',
        'The response is too long for a token broker. Check the endpoint.',
      );
    }
  }
  return Buffer.concat(chunks).toString();
}

function brokenOffOr(failure: TokenBrokerError, isAnswered: boolean): TokenBrokerError {
  if (!isAnswered && brokenOff.has(Object(failure.cause).code)) {
    unanswered.add(failure);
  }
  return failure;
}

import http from 'node:http';
import https from 'node:https';
import { TokenBrokerError } from './errors.ts';

/** What is sent. The body is always JSON text. */
export interface Outgoing {
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** What came back. */
export interface Incoming {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

const longestBodyBytes = 64 * 1024;

/**
 * Posts over a connection of its own: a connection kept from an earlier invocation is dead when a frozen function
 * thaws, and a POST on it would fail. Redirects are not followed, and no variable of the environment lets a false
 * certificate pass.
 *
 * @throws TokenBrokerError `broker_unreachable`, `unexpected_answer` for a body over 64 KiB; the signal's reason
 */
export async function post({ url, headers, body }: Outgoing, signal: AbortSignal): Promise<Incoming> {
  signal.throwIfAborted();
  const { request } = url.protocol === 'http:' ? http : https;
  const sent = request(url, { method: 'POST', headers, agent: false, signal, rejectUnauthorized: true });
  try {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      // A switch of protocols closes it with neither answer nor error.
      const closed = () => reject(new Error('closed without an answer'));
      sent.once('response', resolve).once('error', reject).once('close', closed).end(body);
    });
    const text = await readBody(response);
    return { status: response.statusCode ?? 0, headers: response.headers, body: text };
  } catch (failure) {
    signal.throwIfAborted();
    throw failure instanceof TokenBrokerError ? failure : unreachable(failure);
  } finally {
    sent.destroy();
  }
}

async function readBody(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > longestBodyBytes) {
      throw new TokenBrokerError('unexpected_answer', 'The answer is longer than any a token broker gives.');
    }
  }
  return Buffer.concat(chunks).toString();
}

function unreachable(cause: unknown): TokenBrokerError {
  return new TokenBrokerError('broker_unreachable', 'The token broker cannot be reached.', { retryable: true, cause });
}

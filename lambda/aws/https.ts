import type { Agent, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

/** A request to an AWS service. */
export interface Posting {
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
  /** Keeps connections for later requests. @default a connection of its own */
  readonly agent?: Agent;
}

/** A whole answer. */
export interface Posted {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * Node's own client. Taken as `require` would: an ES import of `node:http` evaluates all its exports, and one of them,
 * `WebSocket`, loads undici, which takes longer than the rest of the function.
 */
export function clientFor({ protocol }: URL) {
  return process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
}

/** Posts, and reads the answer to its end. Rejects where none came in full, or when the signal aborts. */
export function post({ url, headers, body, signal, agent }: Posting): Promise<Posted> {
  return new Promise((resolve, reject) => {
    clientFor(url)
      .request(url, { method: 'POST', headers, signal, agent: agent ?? false })
      .on('error', reject)
      .on('response', (response) => read(response, resolve, reject))
      // Unheard, a switch of protocols would end it with neither an answer nor an error, at the signal too.
      .on('upgrade', (_, socket) => {
        socket.destroy();
        reject(new Error('an answer in another protocol'));
      })
      .end(body);
  });
}

function read(response: IncomingMessage, done: (posted: Posted) => void, failed: (error: Error) => void): void {
  const chunks: Buffer[] = [];
  response
    .on('data', (chunk: Buffer) => chunks.push(chunk))
    .on('error', failed)
    .on('end', () => {
      const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
      const { statusCode: status = 0 } = response;
      done({ status, headers: Object.fromEntries(headers), body: Buffer.concat(chunks) });
    });
}

// Sends one HTTPS request to an AWS service. Called by dynamodb.ts and secrets-client.ts.
import type { Agent, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

/** A request to an AWS service. */
export interface HttpsRequest {
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
  /** Keeps connections for later requests. @default a new connection for this request */
  readonly agent?: Agent;
}

/** A complete response. */
export interface HttpsResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The longest time for one attempt. Two attempts and the pause between them fit in the 3 s of a call. Milliseconds. */
export const attemptMs = 1350;

/**
 * Returns Node's own client, as `require` would. An ES import of `node:http` evaluates all its exports, and one of
 * them, `WebSocket`, loads undici, which takes longer than the rest of the function.
 */
export function clientFor({ protocol }: URL) {
  return process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
}

/** Sends a POST and reads the whole response. Rejects if no complete response arrives, or if the signal aborts. */
export function post({ url, headers, body, signal, agent }: HttpsRequest): Promise<HttpsResponse> {
  return new Promise((resolve, reject) => {
    clientFor(url)
      .request(url, { method: 'POST', headers, signal, agent: agent ?? false })
      .on('error', reject)
      .on('response', (response) => readWhole(response, resolve, reject))
      // Without a listener, a switch of protocols would end the request without a response and without an error.
      .on('upgrade', (_, socket) => {
        socket.destroy();
        reject(new Error('the response is in another protocol'));
      })
      .end(body);
  });
}

function readWhole(
  response: IncomingMessage,
  resolve: (response: HttpsResponse) => void,
  reject: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  response
    .on('data', (chunk: Buffer) => chunks.push(chunk))
    .on('error', reject)
    .on('end', () => {
      const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
      const { statusCode: status = 0 } = response;
      resolve({ status, headers: Object.fromEntries(headers), body: Buffer.concat(chunks) });
    });
}

// A TCP server that treats each connection as a test says, and a clock without waits. Used by tests of the client.
import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Runtime } from '../../../client/retry.ts';

/** A TCP server on loopback. */
export interface RawServer {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** How many connections there have been. */
  readonly connections: () => number;
}

/**
 * Starts a server that ends with the test.
 *
 * @param treat called for each connection when its first bytes are here, with its number from 1
 */
export async function startRawServer(
  treat: (socket: Socket, number: number, first: string) => void,
): Promise<RawServer> {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const number = ++count;
    sockets.add(socket);
    socket.once('error', () => {}).once('data', (first) => treat(socket, number, first.toString('latin1')));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, url: `http://127.0.0.1:${port}`, connections: () => count };
}

/** A runtime whose pauses between attempts are over at once. The time limit of a request is never reached. */
export function impatientRuntime(): Runtime & { readonly pauses: readonly number[] } {
  const pauses: number[] = [];
  return {
    now: Date.now,
    random: () => 0,
    pauses,
    sleep: async (ms, signal) => {
      if (ms >= 30_000) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        return;
      }
      pauses.push(ms);
    },
  };
}

/** Returns the bytes of an HTTP response with this body. */
export function rawResponse(body: unknown, headers = ''): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`;
}

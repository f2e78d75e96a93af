// HTTP servers that listen on the loopback interface only. Used by all servers of the local run, bench and the tests.
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import * as endpoint from '../client/endpoint.ts';
import { guardHost } from './host-check.ts';

/** A server that only this machine can reach. */
export interface LoopbackServer {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** How a server listens. */
export interface ListenOptions {
  /** Whether the server takes another free port if the port is in use or refused. @default false */
  readonly orAnyFree?: boolean;
  /** @default 127.0.0.1 */
  readonly address?: string;
  /** Host names that a guarded server answers besides those of the loopback interface. @default none */
  readonly hosts?: readonly string[];
}

/**
 * Starts an HTTP server that answers every request. For tests and benchmarks.
 *
 * @param port 0 takes any free port; a port that is in use rejects with EADDRINUSE
 */
export async function serve(listener: RequestListener, port = 0): Promise<LoopbackServer> {
  return listen(createServer(listener), port);
}

/** Starts a server that the caller has created. The same rules for `port`. */
export async function listen(server: Server, port = 0, options: ListenOptions = {}): Promise<LoopbackServer> {
  const { orAnyFree = false, address = '127.0.0.1' } = options;
  const bound = await bind(server, port, address).catch((error) => {
    if (orAnyFree && isPortTaken(error)) {
      return bind(server, 0, address);
    }
    throw error;
  });
  return {
    url: `http://${address}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Starts a server of the local run: the same as `listen`, but it answers only what `guardHost` lets through. */
export async function listenGuarded(server: Server, port = 0, options: ListenOptions = {}): Promise<LoopbackServer> {
  guardHost(server, options.hosts);
  return listen(server, port, options);
}

/** Returns the port. */
async function bind(server: Server, port: number, address: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') {
    throw new Error('the server has no port');
  }
  return bound.port;
}

/** EACCES: Windows reserves ranges of ports. */
function isPortTaken(error: unknown): boolean {
  return ['EADDRINUSE', 'EACCES'].includes(String(Object(error).code));
}

/** Whether a URL leads to this machine's loopback interface. */
export function isLoopback(url: string): boolean {
  return URL.canParse(url) && endpoint.isLoopback(new URL(url));
}

/** Reads the body of a request. Returns undefined if the body is longer than `limit` bytes, and drops the body then. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= limit) {
      chunks.push(chunk);
    }
  }
  return length <= limit ? Buffer.concat(chunks) : undefined;
}

// HTTP servers that listen on the loopback interface only. Used by all servers of the local run, bench and the tests.
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import * as endpoint from '../client/endpoint.ts';

/** A server that only this machine can reach. */
export interface LoopbackServer {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/**
 * Starts an HTTP server.
 *
 * @param port 0 takes any free port; a port that is in use rejects with EADDRINUSE
 */
export async function serve(listener: RequestListener, port = 0): Promise<LoopbackServer> {
  return listen(createServer(listener), port);
}

/** Starts a server that the caller has created. The same rules for `port`. */
export async function listen(server: Server, port = 0): Promise<LoopbackServer> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('the server has no port');
  }
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
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

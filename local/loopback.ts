import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';

/** A server on this machine alone. */
export interface LoopbackServer {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** @param port 0 takes any that is free; a taken one rejects with EADDRINUSE. */
export async function serve(listener: RequestListener, port = 0): Promise<LoopbackServer> {
  return listen(createServer(listener), port);
}

/** The same for a server that is made already. */
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

/** Whether a URL leads to this machine. */
export function isLoopback(url: string): boolean {
  return URL.canParse(url) && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(new URL(url).hostname);
}

/** The body of a request, or nothing where it is longer than `limit` bytes; the rest of it is then thrown away. */
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

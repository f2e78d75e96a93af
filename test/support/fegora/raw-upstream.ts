// A TCP server that writes given bytes, to imitate a bad Fegora. Used by the contract tests of logins.
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Certificate } from '../certificates.ts';

/** A server below HTTP: the test says which bytes it writes, and when. */
export interface RawUpstream {
  /** The URL of the token endpoint. */
  readonly url: string;
  readonly port: number;
  /** The number of TCP connections so far. */
  readonly connections: () => number;
  /** The number of connections that are open now. */
  readonly open: () => number;
  /** The bytes of all connections so far, decrypted. */
  readonly received: () => string;
  readonly close: () => Promise<void>;
}

/** What the server does with each new connection. */
export type Behaviour = (socket: Socket) => void;

/**
 * Starts the server.
 *
 * @param certificate makes it a TLS server
 */
export async function startRawUpstream(behaviour: Behaviour, certificate?: Certificate): Promise<RawUpstream> {
  const open = new Set<Socket>();
  let connections = 0;
  let received = '';
  const accept = (socket: Socket): void => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
    });
    behaviour(socket);
  };
  const server = certificate === undefined ? createTcpServer(accept) : createTlsServer(certificate, accept);
  server.on('connection', (socket: Socket) => {
    connections += 1;
    open.add(socket.on('error', () => {}).on('close', () => open.delete(socket)));
  });
  server.on('tlsClientError', () => {});
  const port = await listen(server);
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}/token`,
    port,
    connections: () => connections,
    open: () => open.size,
    received: () => received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) {
          socket.destroy();
        }
      }),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

/** Waits for a whole request, then continues with `next`. */
export function afterRequest(next: Behaviour): Behaviour {
  return (socket) => {
    let bytes = '';
    let done = false;
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1');
      if (!done && isWhole(bytes)) {
        done = true;
        next(socket);
      }
    });
  };
}

function isWhole(bytes: string): boolean {
  const headEnd = bytes.indexOf('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(bytes)?.[1] ?? '0';
  return headEnd >= 0 && bytes.length >= headEnd + 4 + Number(length);
}

/** Waits for a whole request, writes these bytes, then closes the connection. */
export function answering(...parts: readonly (string | Uint8Array)[]): Behaviour {
  return afterRequest((socket) => {
    socket.end(Buffer.concat(parts.map((part) => Buffer.from(part))));
  });
}

/** The bytes of an HTTP answer. `Content-Length` is right unless `headers` has another one. */
export function httpAnswer(
  status: number,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const bytes = Buffer.from(body);
  const all = { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Whatever\r\n${lines.join('')}\r\n`, 'latin1'), bytes]);
}

/** Writes `chunk` again and again, as fast as the client reads, until the connection closes. */
export function pour(socket: Socket, chunk: Uint8Array): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk)) {
      // The socket has room for more.
    }
  };
  socket.on('drain', more);
  more();
}

/** Writes one byte every `everyMs` until the connection closes. */
export function drip(socket: Socket, byte: string, everyMs: number): void {
  const timer = setInterval(() => socket.write(byte), everyMs);
  socket.on('close', () => clearInterval(timer));
}

// Breakpoints on the network: servers that delay a message until a test releases it. Used by takeover.ts.
import { createServer as createHttpServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { type LoopbackServer, listen } from '../../local/loopback.ts';
import { operationOf } from '../exploration/table-link.ts';
import { type Certificate, makeAuthority, makeCertificate } from '../support/certificates.ts';

/** A point in the network traffic of a process. A test kills or stops the process when it has reached the point. */
export interface Breakpoint {
  /** Resolves when the process has reached the breakpoint. */
  readonly reached: Promise<void>;
  /** Lets this message and all later ones pass. */
  readonly release: () => void;
}

interface ServerBreakpoint extends Breakpoint {
  /** The server calls it at the breakpoint. Resolves after `release`. */
  readonly wait: () => Promise<void>;
}

export function createBreakpoint(): ServerBreakpoint {
  const arrival = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  return {
    reached: arrival.promise,
    release: released.resolve,
    wait: () => {
      arrival.resolve();
      return released.promise;
    },
  };
}

/** A proxy in front of the table with breakpoints at a claim and at the publication of a token. */
export interface TableWithBreakpoints extends LoopbackServer {
  /** `before`: the request has not reached the table. `after`: the table has made the write and not answered. */
  readonly breakAt: (account: string, write: 'claim' | 'publish', when: 'before' | 'after') => Breakpoint;
}

/** Starts the proxy in front of the table at `tableUrl`. */
export async function startTableWithBreakpoints(tableUrl: string): Promise<TableWithBreakpoints> {
  const breakpoints = new Map<string, ServerBreakpoint>();
  const waitAt = (write: string, when: string) => breakpoints.get(`${write} ${when}`)?.wait();
  const server = await listen(
    createHttpServer((incoming, outgoing) => {
      relay(incoming, outgoing).catch(() => outgoing.destroy());
    }),
  );
  return {
    ...server,
    breakAt: (account, write, when) => {
      const breakpoint = createBreakpoint();
      breakpoints.set(`${account} ${write} ${when}`, breakpoint);
      return breakpoint;
    },
  };

  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const write = writeOf(incoming, body);
    await waitAt(write, 'before');
    const answer = await forward(tableUrl, incoming, body);
    const text = await buffer(answer);
    await waitAt(write, 'after');
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(text);
  }
}

/** Returns the account and the operation of a request. */
function writeOf({ headers }: IncomingMessage, body: Buffer): string {
  const operation = String(headers['x-amz-target']).split('.')[1] ?? '';
  const input: { Key?: { account?: { S?: string } } } = JSON.parse(body.toString());
  return `${input.Key?.account?.S} ${operationOf(operation, { ...input })}`;
}

function forward(url: string, { method, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { method: method ?? 'POST', headers, agent: false }, resolve)
      .on('error', reject)
      .end(body);
  });
}

/** A TLS proxy in front of Fegora. Its handshake waits at the breakpoint, so no byte of a request is sent before it. */
export interface TlsProxyWithBreakpoint extends LoopbackServer {
  readonly tokenUrl: string;
  /** Certificate authority for the clients to trust. PEM. */
  readonly authority: string;
  readonly breakpoint: Breakpoint;
}

/** Starts the TLS proxy in front of the server at `origin`. */
export async function startTlsProxyWithBreakpoint(origin: string): Promise<TlsProxyWithBreakpoint> {
  const authority = await makeAuthority();
  const certificate: Certificate = await makeCertificate({ authority, host: 'localhost' });
  const breakpoint = createBreakpoint();
  const { hostname, port } = new URL(origin);
  const server = createTlsServer(
    { ...certificate, SNICallback: (_name, done) => void breakpoint.wait().then(() => done(null)) },
    (socket) => {
      const inner = connect(Number(port), hostname);
      socket.on('error', () => inner.destroy());
      inner.on('error', () => socket.destroy());
      socket.pipe(inner).pipe(socket);
    },
  );
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const tlsPort = typeof address === 'object' ? address?.port : 0;
  return {
    url: `https://localhost:${tlsPort}`,
    tokenUrl: `https://localhost:${tlsPort}/token`,
    authority: authority.cert,
    breakpoint,
    close: async () => {
      server.close();
    },
  };
}

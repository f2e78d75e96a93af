import { createServer as createHttpServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { type LoopbackServer, listen } from '../../local/loopback.ts';
import { operationOf } from '../exploration/table-link.ts';
import { type Certificate, makeAuthority, makeCertificate } from '../support/certificates.ts';

/** A place on the wire at which one process is held up, so that it can be killed or stopped just there. */
export interface Gate {
  /** Resolves when the process has got there. */
  readonly reached: Promise<void>;
  /** Lets it, and everybody after it, through. */
  readonly open: () => void;
}

interface Hold extends Gate {
  /** What is held up asks to be let through. */
  readonly pass: () => Promise<void>;
}

export function createGate(): Hold {
  const arrival = Promise.withResolvers<void>();
  const opening = Promise.withResolvers<void>();
  return {
    reached: arrival.promise,
    open: opening.resolve,
    pass: () => {
      arrival.resolve();
      return opening.promise;
    },
  };
}

/** A table behind which publishing can be held up, account by account. */
export interface GatedTable extends LoopbackServer {
  /** `before`: the request has left its process and not reached the table; `after`: it has, and no answer has left. */
  readonly holdPublish: (account: string, when: 'before' | 'after') => Gate;
}

export async function startGatedTable(tableUrl: string): Promise<GatedTable> {
  const holds = new Map<string, Hold>();
  const passGate = (account: string, when: string) => holds.get(`${account} ${when}`)?.pass();
  const server = await listen(
    createHttpServer((incoming, outgoing) => {
      relay(incoming, outgoing).catch(() => outgoing.destroy());
    }),
  );
  return {
    ...server,
    holdPublish: (account, when) => {
      const hold = createGate();
      holds.set(`${account} ${when}`, hold);
      return hold;
    },
  };

  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const published = publishedAccount(incoming, body);
    await passGate(published, 'before');
    const answer = await forward(tableUrl, incoming, body);
    const text = await buffer(answer);
    await passGate(published, 'after');
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(text);
  }
}

/** The account whose token a request would publish; empty for any other request. */
function publishedAccount({ headers }: IncomingMessage, body: Buffer): string {
  const operation = String(headers['x-amz-target']).split('.')[1] ?? '';
  const input: { Key?: { account?: { S?: string } } } = JSON.parse(body.toString());
  return operationOf(operation, { ...input }) === 'publish' ? (input.Key?.account?.S ?? '') : '';
}

function forward(url: string, { method, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { method: method ?? 'POST', headers, agent: false }, resolve)
      .on('error', reject)
      .end(body);
  });
}

/** TLS in front of Fegora, whose handshake waits for the gate: until then not a byte of a request can be sent. */
export interface GatedDoor extends LoopbackServer {
  readonly tokenUrl: string;
  /** To be trusted, as PEM. */
  readonly authority: string;
  readonly gate: Gate;
}

export async function startGatedDoor(origin: string): Promise<GatedDoor> {
  const authority = await makeAuthority();
  const certificate: Certificate = await makeCertificate({ authority, host: 'localhost' });
  const hold = createGate();
  const { hostname, port } = new URL(origin);
  const server = createTlsServer(
    { ...certificate, SNICallback: (_name, done) => void hold.pass().then(() => done(null)) },
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
    gate: hold,
    close: async () => {
      server.close();
    },
  };
}

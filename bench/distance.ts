// Puts TLS and a round trip between the contestants and their servers. Called by servers.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { generate } from 'selfsigned';

/** Puts servers at a distance. */
export interface Distance {
  /** The environment variables with which a process trusts the certificate of all these servers. */
  readonly env: Readonly<Record<string, string>>;
  /** Returns the `https` URL at which a server of plain HTTP is reached over TLS, with this round trip. */
  readonly reach: (url: string, roundTripMs: number) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Makes the certificate that all servers at a distance have. */
export async function createDistance(): Promise<Distance> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-distance-'));
  const { key, cert } = await makeCertificate();
  await writeFile(join(folder, 'certificate.pem'), cert);
  const servers: { readonly close: () => void }[] = [];

  return {
    env: { NODE_EXTRA_CA_CERTS: join(folder, 'certificate.pem') },
    reach,
    close: async () => {
      for (const { close } of servers) {
        close();
      }
      await rm(folder, { recursive: true });
    },
  };

  /**
   * Starts a TLS server in front of the plain one, and a proxy in front of that which delays all bytes by half a round
   * trip. The proxy cannot delay the TCP handshake, which the kernel makes. It delays the first bytes of the client by one
   * round trip more instead.
   */
  async function reach(url: string, roundTripMs: number): Promise<string> {
    const { hostname, port, pathname } = new URL(url);
    const secured = createTlsServer({ key, cert, noDelay: true }, (socket) =>
      couple(socket, connect(Number(port), hostname).setNoDelay()),
    );
    const near = await listen(secured);
    const far = await listen(createServer((client) => carry(client, connect(near.port, '127.0.0.1'), roundTripMs)));
    servers.push(far, near);
    return `https://127.0.0.1:${far.port}${pathname}`;
  }
}

async function makeCertificate(): Promise<{ readonly key: string; readonly cert: string }> {
  const made = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  return { key: made.private, cert: made.cert };
}

async function listen(server: Server): Promise<{ readonly port: number; readonly close: () => void }> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => open.add(socket.on('close', () => open.delete(socket))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port, // the server listens on TCP
    close: () => {
      server.close();
      for (const socket of open) {
        socket.destroy();
      }
    },
  };
}

/** Carries bytes in both directions, each after half a round trip. */
function carry(client: Socket, server: Socket, roundTripMs: number): void {
  const openAt = performance.now() + roundTripMs;
  endTogether(client, server);
  forward(client, server, () => Math.max(performance.now(), openAt) + roundTripMs / 2);
  forward(server, client, () => performance.now() + roundTripMs / 2);
}

/** Writes what arrives on one socket to the other at the time that `dueAt` returns, in order. */
function forward(from: Socket, to: Socket, dueAt: () => number): void {
  let before: Promise<unknown> = Promise.resolve();
  const later = (act: () => void): void => {
    const at = dueAt();
    before = before.then(() => setTimeout(Math.max(0, at - performance.now()))).then(act);
  };
  from.setNoDelay().on('data', (bytes) => later(() => to.write(bytes)));
  from.on('end', () => later(() => to.end()));
}

function couple(one: Socket, other: Socket): void {
  endTogether(one, other);
  one.pipe(other).pipe(one);
}

function endTogether(one: Socket, other: Socket): void {
  one.on('error', () => other.destroy());
  other.on('error', () => one.destroy());
}

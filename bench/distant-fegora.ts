// Puts TLS and a round trip between the contestants and the Fegora simulator. Called by servers.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { generate } from 'selfsigned';

/** Fegora as a distant server. */
export interface DistantFegora {
  /** The environment variables with which a process finds the server and trusts its certificate. */
  readonly env: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

/**
 * Starts a TLS server in front of Fegora, and a proxy in front of that which delays all bytes by half a round trip. The
 * proxy cannot delay the TCP handshake, which the kernel makes. It delays the first bytes of the client by one round trip
 * more instead.
 *
 * @param tokenUrl where the simulator listens, without TLS
 */
export async function startDistantFegora(tokenUrl: string, roundTripMs: number): Promise<DistantFegora> {
  const { hostname, port, pathname } = new URL(tokenUrl);
  const folder = await mkdtemp(join(tmpdir(), 'bench-fegora-'));
  const { key, cert } = await makeCertificate();
  await writeFile(join(folder, 'certificate.pem'), cert);
  const fegora = await listen(
    createTlsServer({ key, cert }, (socket) => couple(socket, connect(Number(port), hostname))),
  );
  const proxy = await listen(createServer((client) => carry(client, connect(fegora.port, '127.0.0.1'), roundTripMs)));
  return {
    env: {
      FEGORA_TOKEN_URL: `https://127.0.0.1:${proxy.port}${pathname}`,
      NODE_EXTRA_CA_CERTS: join(folder, 'certificate.pem'),
    },
    close: async () => {
      proxy.close();
      fegora.close();
      await rm(folder, { recursive: true });
    },
  };
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

// A forward proxy, and a TLS server behind it that a test trusts. Used by the tests of client and command line behind a proxy.
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import tls from 'node:tls';
import { onTestFinished } from 'vitest';
import { listen } from '../../../local/loopback.ts';
import { makeAuthority, makeCertificate } from '../certificates.ts';

/** A proxy on loopback. */
export interface ConnectProxy {
  readonly url: string;
  /** The hosts with ports that tunnels were asked for, in order. */
  readonly hosts: readonly string[];
  /** The values of `proxy-authorization`, in order. */
  readonly authorizations: readonly string[];
  /** How many tunnels are open. */
  readonly open: () => number;
}

/**
 * Starts a proxy that ends with the test.
 *
 * @param answer the port on loopback that stands for this host, or the status line of a refusal
 */
export async function startConnectProxy(answer: (host: string) => number | string): Promise<ConnectProxy> {
  const hosts: string[] = [];
  const authorizations: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connect', ({ url: host = '', headers }: IncomingMessage, socket: Socket) => {
    hosts.push(host);
    authorizations.push(headers['proxy-authorization'] ?? '');
    const to = answer(host.replace(/:\d+$/, ''));
    socket.on('error', () => {});
    if (typeof to === 'string') {
      socket.end(`HTTP/1.1 ${to}\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const target = connect(to, '127.0.0.1', () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    target.on('error', () => {}).once('close', () => socket.destroy());
    target.pipe(socket);
    socket.on('close', () => target.destroy()).pipe(target);
  });
  const { url, close } = await listen(server);
  onTestFinished(close);
  return { url, hosts, authorizations, open: () => sockets.size };
}

/** The hosts of a test with the ports of plain servers that answer for them. */
export type Hosts = Readonly<Record<string, number>>;

/**
 * Starts one TLS server for each host. It decrypts, and hands everything on to a plain server on loopback. This process
 * trusts the certificates until the test ends.
 *
 * @returns the ports of the TLS servers by host
 */
export async function startTlsHosts(hosts: Hosts): Promise<Map<string, number>> {
  const authority = await makeAuthority();
  const before = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...before, authority.cert]);
  onTestFinished(() => tls.setDefaultCACertificates(before));
  const ports = new Map<string, number>();
  for (const [host, port] of Object.entries(hosts)) {
    const certificate = await makeCertificate({ authority, host });
    const server = tls.createServer(certificate, (socket) => {
      const plain = connect(port, '127.0.0.1');
      plain.on('error', () => socket.destroy()).pipe(socket);
      socket.on('error', () => plain.destroy()).pipe(plain);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    ports.set(host, typeof address === 'object' && address !== null ? address.port : 0);
  }
  return ports;
}

/** Starts a TLS server for this host whose certificate no client trusts. Returns its port. */
export async function startUntrusted(host: string, received: () => void): Promise<number> {
  const server = createTlsServer(await makeCertificate({ host }), (_, response) => {
    received();
    response.end('{}');
  });
  const { url, close } = await listen(server);
  onTestFinished(close);
  return Number(new URL(url).port);
}

import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type GatewayRefusal, refuse } from './answer.ts';

/**
 * A server that leaves nothing to be answered by Node itself, whose answers have neither the contract's headers nor its
 * body: requests that are no HTTP or have too many headers, that name no host, expect what nobody knows, or are for a
 * proxy.
 */
export function createWireServer(respond: RequestListener): Server {
  const server = createServer({ requireHostHeader: false }, respond);
  server.on('checkExpectation', respond);
  server.on('connect', (_, socket) => refuseOn(socket, { status: 403, type: 'MissingAuthenticationTokenException' }));
  server.on('clientError', (_, socket) => refuseOn(socket, { status: 400 }));
  return server;
}

function refuseOn(socket: Duplex, refusal: GatewayRefusal): void {
  socket.on('error', () => socket.destroy());
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = randomUUID();
  const { status, headers, body } = refuse(refusal, requestId);
  const ours = { 'x-amzn-RequestId': requestId, 'Content-Length': Buffer.byteLength(body), Connection: 'close' };
  const lines = Object.entries({ ...headers, ...ours }).map(([name, value]) => `${name}: ${value}`);
  // What is still under way is not read: the socket is closed as soon as the answer has gone.
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'), () => socket.destroy());
}

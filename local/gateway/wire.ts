// An HTTP server that answers malformed requests in the contract's form too. Called by gateway.ts.
import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type GatewayRefusal, refuse, type SentAnswer, sentAnswers } from './answer.ts';

/**
 * Creates a server that answers the requests that Node would answer by itself: requests that are not HTTP, have too
 * many headers, name no host, have an unknown `Expect`, or are for a proxy. Node's own answers have neither the headers
 * nor the body of the contract.
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
  const { status, headers: fixed, body } = refuse(refusal, requestId);
  const ours = { 'x-amzn-RequestId': requestId, 'Content-Length': Buffer.byteLength(body), Connection: 'close' };
  const headers = { ...fixed, ...ours };
  sentAnswers.publish({ path: '', status, headers, body } satisfies SentAnswer);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  // The rest of the request is not read: the socket closes as soon as the answer is sent.
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'), () => socket.destroy());
}

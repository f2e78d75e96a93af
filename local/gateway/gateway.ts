// Starts an HTTP server with the REST API and Lambda's Invoke in front of the function. Called by local-run.ts.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type LoopbackServer, listen, readBody } from '../loopback.ts';
import { type GatewayAnswer, refuse } from './answer.ts';
import { callRestApi } from './api.ts';
import type { Caller } from './callers.ts';
import type { GatewayRequest } from './event.ts';
import { createLocalFunction, type Handler } from './function.ts';
import { callInvokeApi, refuseInvoke } from './invoke.ts';
import { type ArrivedRequest, authenticate, Refusal } from './sigv4.ts';
import { createWireServer } from './wire.ts';

/** The function behind the gateway, and its callers. */
export interface GatewayOptions {
  readonly handler: Handler;
  readonly callers: readonly Caller[];
  /** The aliases that the function has. */
  readonly aliases: readonly string[];
  readonly port?: number;
  readonly region?: string;
  /** Epoch milliseconds. @default the system's clock */
  readonly now?: () => number;
  /** Whether the throttle of the API refuses this call. @default never */
  readonly isThrottled?: () => boolean;
  /** How long the function may run. @default 25 s */
  readonly timeoutMs?: number;
  /** How long API Gateway waits for the function. @default 29 s */
  readonly integrationTimeoutMs?: number;
}

/** A running gateway, with the name of its function for direct calls. */
export interface Gateway extends LoopbackServer {
  readonly functionName: string;
}

/** Lambda's limit; API Gateway's is higher. Bytes. */
const longestBody = 6 * 1024 * 1024;

/**
 * Starts what AWS has in front of the function: the REST API with IAM authorisation (`POST /token`,
 * `POST /token/{account}`), and Lambda's Invoke for direct calls. Both check signatures and rights.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { handler, aliases, region = 'us-east-1', now = Date.now, timeoutMs = 25_000 } = options;
  const { isThrottled = () => false, integrationTimeoutMs = 29_000 } = options;
  const local = createLocalFunction({ handler, region, timeoutMs });
  const callers = new Map(options.callers.map((caller) => [caller.accessKeyId, caller]));
  const identifier = (service: string) => (request: ArrivedRequest) =>
    authenticate(request, { keysOf: (id) => callers.get(id), region, service, now: now() });
  const restApi = { local, identify: identifier('execute-api'), isThrottled, integrationTimeoutMs };
  const invokeApi = { local, identify: identifier('lambda'), aliases };

  const respond: RequestListener = (incoming, response) => {
    answer(incoming, response).catch((error: Error) => response.destroy(error));
  };
  const server = await listen(createWireServer(respond), options.port);
  return { ...server, functionName: local.name };

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(incoming, longestBody);
    const request = describe(incoming, body ?? Buffer.alloc(0), now());
    const { status, headers, body: text } = await (body === undefined ? tooLong : route)(request);
    const ours = { 'x-amzn-RequestId': request.requestId, 'Content-Length': Buffer.byteLength(text) };
    response.writeHead(status, { ...headers, ...ours }).end(text);
  }

  async function route(request: GatewayRequest): Promise<GatewayAnswer> {
    return isDirect(request) ? callInvokeApi(invokeApi, request) : callRestApi(restApi, request);
  }
}

function isDirect({ path }: GatewayRequest): boolean {
  return path.startsWith('/2015-03-31/');
}

async function tooLong(request: GatewayRequest): Promise<GatewayAnswer> {
  return isDirect(request)
    ? refuseInvoke(new Refusal('RequestTooLargeException', 'The payload is over 6 MB.'))
    : refuse({ status: 413 }, request.requestId);
}

function describe(incoming: IncomingMessage, body: Buffer, arrivedAt: number): GatewayRequest {
  const { method = '', url = '', rawHeaders, headersDistinct, socket } = incoming;
  const at = url.indexOf('?');
  const [path, query] = at === -1 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
  return {
    method,
    path,
    query: [...new URLSearchParams(query)],
    headers: new Map(Object.entries(headersDistinct).map(([name, values = []]) => [name, values.join(',')])),
    rawHeaders,
    body,
    requestId: randomUUID(),
    sourceIp: socket.remoteAddress ?? '127.0.0.1',
    arrivedAt,
  };
}

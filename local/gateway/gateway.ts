// Starts an HTTP server with the REST API and Lambda's Invoke in front of the function. Called by local-run.ts.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type LoopbackServer, listenGuarded, readBody } from '../loopback.ts';
import { type GatewayAnswer, refuse, type SentAnswer, sentAnswers } from './answer.ts';
import { callRestApi } from './api.ts';
import { type CallRecord, recordOf } from './call-record.ts';
import type { Caller } from './callers.ts';
import type { GatewayRequest } from './event.ts';
import { createLocalFunction, type Handler, type LocalFunction } from './function.ts';
import { callInvokeApi, refuseInvoke } from './invoke.ts';
import { type ArrivedRequest, authenticate, Refusal } from './sigv4.ts';
import { callSts, isForSts } from './sts.ts';
import { createWireServer } from './wire.ts';

/** The function behind the gateway, and its callers. */
export interface GatewayOptions {
  readonly handler: Handler;
  readonly callers: readonly Caller[];
  /** The aliases that the function has. */
  readonly aliases: readonly string[];
  /** @default any free port */
  readonly port?: number;
  /** Whether the gateway takes another port if that one is in use. @default false */
  readonly orAnyFree?: boolean;
  /** An IPv4 address of this machine that the gateway listens on too, for containers. @default none */
  readonly address?: string | undefined;
  readonly region?: string;
  /** Epoch milliseconds. @default the system's clock */
  readonly now?: () => number;
  /** Whether the throttle of the API refuses this call. @default never */
  readonly isThrottled?: () => boolean;
  /** How long the function may run. @default 25 s */
  readonly timeoutMs?: number;
  /** How long API Gateway waits for the function. @default 29 s */
  readonly integrationTimeoutMs?: number;
  /** Called after each answer of the API and of Invoke. @default does nothing */
  readonly onCall?: (call: CallRecord) => void;
}

/** A running gateway, with the name of its function for direct calls. */
export interface Gateway extends LoopbackServer {
  readonly functionName: string;
  /** Invokes the function without a signature, as EventBridge does. */
  readonly invoke: LocalFunction['invoke'];
}

/** Lambda's limit; API Gateway's is higher. Bytes. */
const longestBody = 6 * 1024 * 1024;

/** The names by which containers know the machine that they run on: those of Docker and of Podman. */
const containerHosts = ['host.docker.internal', 'host.containers.internal'];

/**
 * Starts what AWS has in front of the function: the REST API with IAM authorisation (`POST /token`,
 * `POST /token/{account}`), Lambda's Invoke for direct calls, and STS's AssumeRole. All check signatures and rights.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { handler, aliases, region = 'us-east-1', now = Date.now, timeoutMs = 25_000 } = options;
  const { isThrottled = () => false, integrationTimeoutMs = 29_000, onCall = () => {} } = options;
  const local = createLocalFunction({ handler, region, timeoutMs });
  const callers = new Map(options.callers.map((caller) => [caller.accessKeyId, caller]));
  const identified = new WeakMap<ArrivedRequest, Caller>();
  const identifier = (service: string) => async (request: ArrivedRequest) => {
    const caller = await authenticate(request, { keysOf: (id) => callers.get(id), region, service, now: now() });
    identified.set(request, caller);
    return caller;
  };
  const restApi = { local, identify: identifier('execute-api'), isThrottled, integrationTimeoutMs };
  const invokeApi = { local, identify: identifier('lambda'), aliases };
  const stsApi = { identify: identifier('sts'), callers, now };

  const server = await listenForCalls(options, (incoming, response) => {
    answer(incoming, response).catch((error: Error) => response.destroy(error));
  });
  return { ...server, functionName: local.name, invoke: local.invoke };

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const from = performance.now();
    const body = await readBody(incoming, longestBody);
    const request = describe(incoming, body ?? Buffer.alloc(0), now());
    const answered = await (body === undefined ? tooLong : route)(request);
    const { status, headers, body: text } = answered;
    const ours = { 'x-amzn-RequestId': request.requestId, 'Content-Length': Buffer.byteLength(text) };
    const sent = { path: request.path, status, headers: { ...headers, ...ours }, body: text };
    response.writeHead(status, sent.headers).end(text);
    if (!isDirect(request) && !isForSts(request)) {
      sentAnswers.publish(sent satisfies SentAnswer);
    }
    onCall(recordOf(request, answered, { caller: identified.get(request), ms: performance.now() - from }));
  }

  async function route(request: GatewayRequest): Promise<GatewayAnswer> {
    if (isForSts(request)) {
      return callSts(stsApi, request);
    }
    return isDirect(request) ? callInvokeApi(invokeApi, request) : callRestApi(restApi, request);
  }
}

/** Listens on the loopback interface, and on the address for containers if there is one. */
async function listenForCalls(options: GatewayOptions, respond: RequestListener): Promise<LoopbackServer> {
  const { port = 0, orAnyFree = false, address } = options;
  const hosts = address === undefined ? [] : [address, ...containerHosts];
  const server = await listenGuarded(createWireServer(respond), port, { orAnyFree, hosts });
  if (address === undefined || address === '127.0.0.1') {
    return server;
  }
  try {
    const another = await listenGuarded(createWireServer(respond), Number(new URL(server.url).port), {
      address,
      hosts,
    });
    return { ...server, close: async () => void (await Promise.all([server.close(), another.close()])) };
  } catch (error) {
    await server.close();
    throw error;
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

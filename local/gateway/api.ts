// The REST API: checks signature, rights and throttle, then invokes the function. Called by gateway.ts.
import { answerOf, type GatewayAnswer, type GatewayRefusal, refuse } from './answer.ts';
import type { Caller } from './callers.ts';
import { type GatewayRequest, proxyEvent, routeOf } from './event.ts';
import type { Invoked, LocalFunction } from './function.ts';
import { isAllowed } from './policy.ts';
import { type ArrivedRequest, Refusal } from './sigv4.ts';

/** What the REST API needs: the function, and the checks before it. */
export interface RestApi {
  readonly local: LocalFunction;
  /** Returns the caller who signed the request. @throws Refusal if the signature is not valid */
  readonly identify: (request: ArrivedRequest) => Promise<Caller>;
  readonly isThrottled: () => boolean;
  readonly integrationTimeoutMs: number;
}

/** The alias that API Gateway invokes. */
const alias = 'http';

/** Answers one request. Every method needs IAM authorisation; the function is invoked by its alias `http`. */
export async function callRestApi(api: RestApi, request: GatewayRequest): Promise<GatewayAnswer> {
  const route = routeOf(request);
  if (route === undefined) {
    // The same answer as for a path without a signature: API Gateway does not say which paths exist.
    return refuse({ status: 403, type: 'MissingAuthenticationTokenException' }, request.requestId);
  }
  const admitted = await admit(api, request);
  if ('status' in admitted) {
    return refuse(admitted, request.requestId);
  }
  const invoked = await integrate(api, JSON.stringify(proxyEvent(request, route, admitted)));
  return invoked === undefined ? refuse({ status: 504 }, request.requestId) : answerOf(invoked, request.requestId);
}

async function admit(api: RestApi, request: GatewayRequest): Promise<Caller | GatewayRefusal> {
  try {
    const caller = await api.identify(request);
    if (!isAllowed(caller.paths, `${request.method}${request.path}`, caller)) {
      return { status: 403, type: 'AccessDeniedException' };
    }
    return api.isThrottled() ? { status: 429, type: 'TooManyRequestsException' } : caller;
  } catch (error) {
    if (error instanceof Refusal) {
      return { status: 403, type: error.type };
    }
    throw error;
  }
}

/** The function's result. Undefined if the function takes longer than API Gateway waits. */
async function integrate({ local, integrationTimeoutMs }: RestApi, event: string): Promise<Invoked | undefined> {
  const { promise: timedOut, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, integrationTimeoutMs, undefined);
  try {
    return await Promise.race([local.invoke(event, alias), timedOut]);
  } finally {
    clearTimeout(timer);
  }
}

// Creates the function: gets a token from the broker, sends the request to Fegora, and answers. Called by handler.ts.
import { parseEndpoint } from '../../../client/endpoint.ts';
import { TokenBrokerError } from '../../../client/errors.ts';
import { invokeTransport } from '../../../client/invoke.ts';
import { parseInvokeOptions } from '../../../client/options.ts';
import { nodeRuntime } from '../../../client/retry.ts';
import type { AccessToken } from '../../../client/token-cache.ts';
import { tokenClient } from '../../../client/token-client.ts';
import { type WithToken, withToken } from '../../../client/with-token.ts';
import { isRepeatable, type Method } from '../rules.ts';
import { failureOfFault, failureOfSilence, mostResultBytes, type RequestResult, resultOf } from './answer.ts';
import { createAudit, type Entry } from './audit.ts';
import { type FegoraRequest, parseEvent } from './event.ts';
import { failureOf, RequestFailure, thrownError } from './failure.ts';
import { type Answer, send, Unanswered } from './send.ts';

/** The part of Lambda's context that the function reads. */
export interface InvocationContext {
  readonly awsRequestId: string;
  readonly invokedFunctionArn: string;
  readonly getRemainingTimeInMillis: () => number;
}

/** What the function is made with. */
export interface RequestsOptions {
  /** `FEGORA_BROKER_FUNCTION`, `FEGORA_ORIGIN`, and what Lambda sets. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Time for the answer of the function, after everything else has ended. Milliseconds. @default 1 s */
  readonly reserveMs?: number;
  /** A request is not sent with less time than this for Fegora. Milliseconds. @default 10 s */
  readonly leastMs?: number;
}

/** Answers one invocation. @throws Error with a code in PascalCase as its name */
export type RequestsHandler = (event: unknown, context: InvocationContext) => Promise<RequestResult>;

/** What one invocation has done so far. */
interface Progress {
  account?: string;
  request?: FegoraRequest;
  /** The token of each attempt. */
  readonly tokens: AccessToken[];
  /** Of the last answer. */
  status?: number;
}

/**
 * Creates the function. It keeps a token of each account in memory, as the client does.
 *
 * @throws TypeError if the origin is neither https nor loopback, or has a path
 */
export function createRequests(options: RequestsOptions): RequestsHandler {
  const { env } = options;
  const perform = performer(options);
  const audit = createAudit(env, nodeRuntime.now);

  return async (event, context) => {
    const startedAt = performance.now();
    const progress: Progress = { tokens: [] };
    const report = (failure?: RequestFailure) =>
      audit(entryOf(progress, context, performance.now() - startedAt), failure);
    try {
      const result = await perform(event, context, progress);
      report();
      return without(progress.tokens, result);
    } catch (thrown) {
      const failure = failureOf(thrown);
      report(failure);
      throw thrownError(failure, context.awsRequestId, (body) => without(progress.tokens, body));
    }
  };
}

type Perform = (event: unknown, context: InvocationContext, progress: Progress) => Promise<RequestResult>;

function performer({ env, reserveMs = 1000, leastMs = 10_000 }: RequestsOptions): Perform {
  const origin = originOf(env);
  const tokensOf = tokensByAccount(env);

  return async (event, context, progress) => {
    const left = () => context.getRemainingTimeInMillis() - reserveMs;
    progress.account = accountOf(context.invokedFunctionArn);
    const request = parseEvent(event, origin);
    progress.request = request;
    const late = lateAfter(left() - leastMs);
    const attempt = async (token: AccessToken) => {
      progress.tokens.push(token);
      const limits = { timeoutMs: left(), mostBytes: mostResultBytes };
      return answerWithout(progress.tokens, await send(request, token.accessToken, limits));
    };
    try {
      const sent = { send: attempt, isReplayable: true, signal: late.signal };
      const { answer, failure } = await tokensOf(progress.account)(sent);
      progress.status = answer.status;
      // Fegora has refused only the token, and the broker may have another one later.
      if (failure !== undefined) {
        throw failure;
      }
      return resultOf(request, answer);
    } catch (thrown) {
      throw namedFailure(request.method, thrown, progress.tokens.length > 0);
    } finally {
      late.clear();
    }
  };
}

function namedFailure(method: Method, thrown: unknown, isSent: boolean): unknown {
  if (thrown instanceof Unanswered) {
    return failureOfSilence(method, thrown);
  }
  const isNamed = thrown instanceof RequestFailure || thrown instanceof TokenBrokerError;
  return isNamed || !isSent || isRepeatable(method) ? thrown : failureOfFault(thrown);
}

function originOf(env: RequestsOptions['env']): string {
  const { origin, pathname } = parseEndpoint(env.FEGORA_ORIGIN || 'https://api.fegora.com', 'FEGORA_ORIGIN');
  if (pathname !== '/') {
    throw new TypeError('FEGORA_ORIGIN: the URL has a path. Set only the origin');
  }
  return origin;
}

function entryOf(
  { account, request, tokens, status }: Progress,
  { awsRequestId }: InvocationContext,
  ms: number,
): Entry {
  const token_sha256 = tokens.at(-1)?.fingerprint;
  return {
    ...(account !== undefined && { account }),
    ...(request !== undefined && { method: request.method, path: request.url.pathname.slice(0, 200) }),
    ...(token_sha256 !== undefined && { attempts: tokens.length, token_sha256 }),
    ...(status !== undefined && { status }),
    ms: Math.round(ms),
    request_id: awsRequestId,
  };
}

/** Only the alias says whose token it is, never the event: IAM controls who may invoke an alias. */
function accountOf(functionArn: string): string {
  const account = /^account-([a-z0-9][a-z0-9-]{0,62})$/.exec(functionArn.split(':')[7] ?? '')?.[1];
  if (account === undefined) {
    throw new RequestFailure('forbidden', 'Invoke the alias of an account: account-<id>.');
  }
  return account;
}

function tokensByAccount(env: RequestsOptions['env']): (account: string) => WithToken {
  const { now } = nodeRuntime;
  const functionName = env.FEGORA_BROKER_FUNCTION ?? '';
  const known = new Map<string, WithToken>();

  function create(account: string): WithToken {
    const transport = invokeTransport(parseInvokeOptions({ functionName, account }, env), now);
    const tokens = withToken(tokenClient(transport, nodeRuntime), now);
    known.set(account, tokens);
    return tokens;
  }

  return (account) => known.get(account) ?? create(account);
}

/** A signal that ends the waits for tokens while there is still time for Fegora. */
function lateAfter(ms: number) {
  const controller = new AbortController();
  const text = 'Too little time was left to send the request. Nothing was sent, or Fegora refused the token.';
  const abort = () => controller.abort(new RequestFailure('deadline', text, { retryable: true }));
  const timer = setTimeout(abort, Math.max(0, ms));
  if (ms <= 0) {
    abort();
  }
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}

/** Before the answer is read: a body that is not text becomes base64, in which a token has another form. */
function answerWithout(tokens: readonly AccessToken[], answer: Answer): Answer {
  const body = tokens.reduce(
    (text, { accessToken }) => text.replaceAll(accessToken, '[token]'),
    answer.body.toString('latin1'),
  );
  return { ...answer, headers: without(tokens, answer.headers), body: Buffer.from(body, 'latin1') };
}

/** Takes the tokens out of what leaves the function, in case that Fegora repeats one. */
function without<T extends object>(tokens: readonly AccessToken[], value: T): T {
  const text = JSON.stringify(value);
  const clean = tokens.reduce(
    (rest, { accessToken }) => rest.replaceAll(JSON.stringify(accessToken).slice(1, -1), '[token]'),
    text,
  );
  return clean === text ? value : JSON.parse(clean);
}

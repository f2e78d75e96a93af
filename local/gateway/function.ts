// Invokes the handler as Lambda does: JSON, context, errors, time-out. Called by api.ts and invoke.ts.
import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';

/** The function that Lambda calls. */
export type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** The result of an invocation as JSON text: the payload, or the error if it failed or timed out. */
export interface Invoked {
  readonly failed: boolean;
  readonly payload: string;
}

/** A Lambda function. */
export interface LocalFunction {
  readonly name: string;
  /** Unqualified. */
  readonly arn: string;
  /** Runs the handler with a payload of JSON text. Without an alias the call is unqualified. Never rejects. */
  readonly invoke: (payload: string, alias?: string) => Promise<Invoked>;
}

/** How a function is made. */
export interface LocalFunctionOptions {
  readonly handler: Handler;
  readonly region: string;
  /** @default 25 s */
  readonly timeoutMs?: number;
}

/** The AWS account id of the local run. */
export const localAccount = '000000000000';

const name = 'fegora-token-broker';

/**
 * Wraps the handler: it gets parsed JSON and a context whose remaining time counts down. Its errors get Lambda's form.
 * It fails after `timeoutMs`.
 */
export function createLocalFunction({ handler, region, timeoutMs = 25_000 }: LocalFunctionOptions): LocalFunction {
  const arn = `arn:aws:lambda:${region}:${localAccount}:function:${name}`;
  return { name, arn, invoke };

  async function invoke(payload: string, alias?: string): Promise<Invoked> {
    const invokedFunctionArn = alias === undefined ? arn : `${arn}:${alias}`;
    const context = contextOf({ invokedFunctionArn, awsRequestId: randomUUID(), remainingMs: timeoutMs });
    const ended = new AbortController();
    try {
      return await Promise.race([run(handler, payload, context), timeOut(context, timeoutMs, ended.signal)]);
    } finally {
      ended.abort();
    }
  }
}

async function run(handler: Handler, payload: string, context: Context): Promise<Invoked> {
  try {
    const result = await handler(JSON.parse(payload), context);
    return { failed: false, payload: JSON.stringify(result) ?? 'null' };
  } catch (thrown) {
    return { failed: true, payload: JSON.stringify(errorOf(thrown)) };
  }
}

/** An error as Lambda's Node.js runtime reports it: name, message and stack. */
function errorOf(thrown: unknown): object {
  return thrown instanceof Error
    ? { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') }
    : { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
}

function timeOut({ awsRequestId }: Context, timeoutMs: number, ended: AbortSignal): Promise<Invoked> {
  const errorMessage = `RequestId: ${awsRequestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
  const payload = JSON.stringify({ errorType: 'Sandbox.Timedout', errorMessage });
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs, { failed: true, payload });
    ended.addEventListener('abort', () => clearTimeout(timer));
  });
}

/** The members of the context that differ from invocation to invocation. */
export interface Invocation {
  readonly invokedFunctionArn: string;
  readonly awsRequestId: string;
  readonly remainingMs: number;
}

/**
 * The context of an invocation that starts now. `remainingMs` counts down from here.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
 */
export function contextOf({ remainingMs, ...invocation }: Invocation): Context {
  const endsAt = performance.now() + remainingMs;
  return {
    ...invocation,
    functionName: name,
    functionVersion: '1',
    memoryLimitInMB: '256',
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(endsAt - performance.now())),
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}

import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';

/** What Lambda calls. */
export type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** How an invocation ended: its payload, or an error that was thrown or forced, as JSON text. */
export interface Invoked {
  readonly failed: boolean;
  readonly payload: string;
}

/** A function as Lambda runs it. */
export interface LocalFunction {
  readonly name: string;
  /** Unqualified. */
  readonly arn: string;
  /** Runs the handler through an alias; unqualified without one. The payload is JSON text. Never rejects. */
  readonly invoke: (payload: string, alias?: string) => Promise<Invoked>;
}

/** What a function is made of. */
export interface LocalFunctionOptions {
  readonly handler: Handler;
  readonly region: string;
  /** @default 25 s */
  readonly timeoutMs?: number;
}

/** AWS account of everything local. */
export const localAccount = '000000000000';

const name = 'fegora-token-broker';

/** Wraps the handler: JSON in, JSON out, a context with a true clock, errors in Lambda's shape, the time-out enforced. */
export function createLocalFunction({ handler, region, timeoutMs = 25_000 }: LocalFunctionOptions): LocalFunction {
  const arn = `arn:aws:lambda:${region}:${localAccount}:function:${name}`;
  return { name, arn, invoke };

  async function invoke(payload: string, alias?: string): Promise<Invoked> {
    const invokedFunctionArn = alias === undefined ? arn : `${arn}:${alias}`;
    const context = contextOf({ invokedFunctionArn, awsRequestId: randomUUID(), remainingMs: timeoutMs });
    const late = new AbortController();
    try {
      return await Promise.race([run(handler, payload, context), timeOut(context, timeoutMs, late.signal)]);
    } finally {
      late.abort();
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

/** What Lambda's Node.js runtime passes on of an error: name, message and stack. */
function errorOf(thrown: unknown): object {
  return thrown instanceof Error
    ? { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') }
    : { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
}

function timeOut({ awsRequestId }: Context, timeoutMs: number, early: AbortSignal): Promise<Invoked> {
  const errorMessage = `RequestId: ${awsRequestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
  const payload = JSON.stringify({ errorType: 'Sandbox.Timedout', errorMessage });
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs, { failed: true, payload });
    early.addEventListener('abort', () => clearTimeout(timer));
  });
}

/** What differs between the contexts of two invocations. */
export interface Invocation {
  readonly invokedFunctionArn: string;
  readonly awsRequestId: string;
  readonly remainingMs: number;
}

/**
 * The context of an invocation that starts now.
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

// Adds a time limit and retries to a transport. Called by token-client.ts.
import { setTimeout } from 'node:timers/promises';
import { TokenBrokerError } from './errors.ts';
import { isUnanswered } from './https.ts';
import { unlessAborted } from './single-flight.ts';
import type { TokenRequest, TokenResponse, Transport } from './token-response.ts';

/** The clock and the random numbers of a client. Tests pass their own. */
export interface Runtime {
  /** Wall clock, epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export const nodeRuntime: Runtime = {
  now: Date.now,
  random: Math.random,
  sleep: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => {}),
};

/** How long a request may take, and whether it is repeated after a retryable failure. */
export interface RetryPolicy {
  /** Milliseconds for all attempts together. */
  readonly timeoutMs: number;
  readonly retry: boolean;
}

/** A response, and when its request was sent. */
export interface TimedResponse {
  readonly response: TokenResponse;
  /** Epoch milliseconds. */
  readonly sentAt: number;
}

/**
 * Sends a request under a retry policy.
 *
 * @throws TokenBrokerError the last failure, or `broker_unreachable` after the policy's time limit
 * @throws the signal's reason when the signal aborts
 */
export type RetryingTransport = (
  request: TokenRequest,
  policy: RetryPolicy,
  signal: AbortSignal,
) => Promise<TimedResponse>;

const maxBackoffMs = 8_000;
const reconnectPauseMs = 100;

/**
 * Returns the transport with a time limit and retries. It repeats failures that the broker calls retryable, and once a
 * request whose connection broke off before an answer.
 */
export function withRetry(transport: Transport, { now, random, sleep }: Runtime): RetryingTransport {
  async function attemptUntil(until: number, request: TokenRequest, signal: AbortSignal): Promise<TimedResponse> {
    const pauseAfter = pausesOf(random);
    for (;;) {
      const sentAt = now();
      try {
        return { response: await unlessAborted(transport(request, signal), signal), sentAt };
      } catch (failure) {
        const pauseMs = pauseAfter(failure);
        if (now() + pauseMs > until) {
          throw failure;
        }
        await sleep(pauseMs, signal);
        signal.throwIfAborted();
      }
    }
  }

  return async (request, { timeoutMs, retry }, stop) => {
    const done = new AbortController();
    const timeout = new AbortController();
    void sleep(timeoutMs, done.signal).then(() => timeout.abort(timeoutError(timeoutMs)));
    try {
      return await attemptUntil(retry ? now() + timeoutMs : 0, request, AbortSignal.any([stop, timeout.signal]));
    } finally {
      done.abort();
    }
  };
}

/**
 * Returns a function that gives the milliseconds between a failure of one request and its next attempt: at least the
 * broker's `retryAfter`. Infinity if the request must not be repeated.
 *
 * A connection that broke off before an answer gets one more attempt. It is harmless: all requests of an account share
 * one login, also a request that the broker received. Every other `broker_unreachable` is final: no server listens, the
 * connection is not trusted, the answer broke off, or the time is over.
 */
function pausesOf(random: () => number): (failure: unknown) => number {
  let mayReconnect = true;
  let attempt = 0;
  return (failure) => {
    if (mayReconnect && isUnanswered(failure)) {
      mayReconnect = false;
      return reconnectPauseMs * (1 + random());
    }
    if (!(failure instanceof TokenBrokerError) || !failure.retryable || failure.code === 'broker_unreachable') {
      return Number.POSITIVE_INFINITY;
    }
    const backoffMs = Math.min(maxBackoffMs, 1000 * 2 ** attempt);
    attempt += 1;
    const leastMs = (failure.retryAfter ?? 0) * 1000;
    // Many callers are throttled together, and must not come again together.
    return failure.code === 'throttled'
      ? leastMs + backoffMs * (0.5 + random())
      : Math.max(leastMs, backoffMs) * (1 + random() / 4);
  };
}

function timeoutError(timeoutMs: number): TokenBrokerError {
  const text = `The broker did not answer within ${timeoutMs} ms.`;
  return new TokenBrokerError('broker_unreachable', text, { retryable: true });
}

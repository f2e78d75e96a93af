import { TokenBrokerError } from './errors.ts';
import { unlessAborted } from './single-flight.ts';
import type { Answer, Ask, Question } from './token-response.ts';

/** Time and chance. */
export interface World {
  /** Wall clock, epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** How hard a question is pressed. */
export interface Patience {
  /** Milliseconds until it is given up. */
  readonly ms: number;
  readonly retry: boolean;
}

/** An answer, and when the question that brought it was sent. Epoch milliseconds. */
export interface Heard {
  readonly answer: Answer;
  readonly sentAt: number;
}

/** Presses a question until it is answered, finally refused, given up, or stopped. */
export type Press = (question: Question, patience: Patience, stop: AbortSignal) => Promise<Heard>;

const longestBackoffMs = 8_000;

/** Makes one way to ask into one that is as patient as it is told to be. Only what the broker calls retryable is tried again. */
export function patient(ask: Ask, { now, random, sleep }: World): Press {
  async function repeat(question: Question, until: number, signal: AbortSignal): Promise<Heard> {
    for (let tries = 0; ; tries += 1) {
      const sentAt = now();
      try {
        return { answer: await unlessAborted(ask(question, signal), signal), sentAt };
      } catch (failure) {
        const pauseMs = pauseAfter(failure, tries, random());
        if (now() + pauseMs > until) {
          throw failure;
        }
        await sleep(pauseMs, signal);
        signal.throwIfAborted();
      }
    }
  }

  return async (question, patience, stop) => {
    const answered = new AbortController();
    const late = new AbortController();
    void sleep(patience.ms, answered.signal).then(() => late.abort(silence(patience.ms)));
    try {
      const signal = AbortSignal.any([stop, late.signal]);
      return await repeat(question, patience.retry ? now() + patience.ms : 0, signal);
    } finally {
      answered.abort();
    }
  };
}

/** Milliseconds until the next try, never less than the broker says; without end where it did not call for one. */
function pauseAfter(failure: unknown, tries: number, random: number): number {
  if (!(failure instanceof TokenBrokerError) || !failure.retryable || failure.code === 'broker_unreachable') {
    return Number.POSITIVE_INFINITY;
  }
  const backoffMs = Math.min(longestBackoffMs, 1000 * 2 ** tries);
  return Math.max((failure.retryAfter ?? 0) * 1000, backoffMs) * (1 + random / 4);
}

function silence(ms: number): TokenBrokerError {
  return new TokenBrokerError('broker_unreachable', `The broker did not answer within ${ms} ms.`, { retryable: true });
}

// Starts a token endpoint in a thread, so that it runs on while the test blocks its own. Used by tests of freezes.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Certificate } from '../certificates.ts';

/** What `freezeUntil` may wait for. */
export const answered = 0;
export const ended = 1;

/** What the endpoint does with each connection. */
export interface Pace {
  readonly answerAfterMs: number;
  /** How long the connection stays open after an answer. */
  readonly idleMs: number;
  /** How long it stays open without a request. @default without end */
  readonly unusedMs?: number;
  /** Makes it a TLS server. */
  readonly certificate?: Certificate | undefined;
}

/** Starts the endpoint. It runs on while this thread is stopped, as Lambda stops a process between invocations. */
export async function startUpstreamThread(pace: Pace) {
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL('upstream-thread.ts', import.meta.url), { workerData: { ...pace, counts } });
  const [port] = await once(worker, 'message');
  return {
    tokenUrl: `${pace.certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}/token`,
    /** Stops this thread until that number of answers or ends. False if that did not happen within 5 s. */
    freezeUntil: (index: number, count: number): boolean => {
      for (let seen = Atomics.load(counts, index); seen < count; seen = Atomics.load(counts, index)) {
        if (Atomics.wait(counts, index, seen, 5000) === 'timed-out') {
          return false;
        }
      }
      return true;
    },
    stop: () => worker.terminate(),
  };
}

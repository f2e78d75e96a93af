// Shares one broker request between concurrent calls. Called by token-client.ts. The broker has another single flight.
//
// The client has its own because it may import nothing of `lambda/`, and because its rules are smaller. The broker's
// single flight runs on deadlines: the request goes on for the caller that started it. This one runs on AbortSignals:
// the request stops when its last waiter leaves, so no work is left over in a function that has already returned.
import { setMaxListeners } from 'node:events';

/** A request in flight, and the number of calls that wait for it. */
interface InFlight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiters: number;
}

/**
 * Joins the request in flight for this key, or starts one. `signal` ends the wait of this caller only. When the last
 * waiter leaves, the signal that `start` received aborts.
 */
export type Join<T> = (key: string, start: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** Allows one request per key at a time. Waiters get its result; no result and no failure is kept after that. */
export function singleFlight<T>(): Join<T> {
  const inFlight = new Map<string, InFlight<T>>();

  function begin(key: string, start: (signal: AbortSignal) => Promise<T>): InFlight<T> {
    const controller = new AbortController();
    const request = { result: start(controller.signal), controller, waiters: 0 };
    inFlight.set(key, request);
    return request;
  }

  return async (key, start, signal) => {
    signal?.throwIfAborted();
    const request = inFlight.get(key) ?? begin(key, start);
    request.waiters += 1;
    try {
      return await unlessAborted(request.result, signal);
    } finally {
      request.waiters -= 1;
      if (request.waiters === 0) {
        inFlight.delete(key);
        request.controller.abort();
      }
    }
  };
}

/** Settles as the promise does, or rejects with the signal's reason if the signal aborts first. */
export function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) {
    return promise;
  }
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    // Node 20 warns of a memory leak if more than 10 listeners wait on one signal.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) {
      abort();
    }
  });
}

import { setMaxListeners } from 'node:events';

/** Work under way, and how many wait for it. */
interface Flight<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  waiters: number;
}

/**
 * Joins the work of this key that is under way, or starts it. Each caller leaves by its own signal; the work is
 * aborted when the last one has left, so that nothing runs on in a function that has answered.
 */
export type Join<T> = (key: string, start: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** One piece of work per key at a time. Its outcome goes to those who wait for it and is not kept, failures least of all. */
export function singleFlight<T>(): Join<T> {
  const flights = new Map<string, Flight<T>>();

  function forget(key: string, flight: Flight<T>): void {
    if (flights.get(key) === flight) {
      flights.delete(key);
    }
  }

  function launch(key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const stop = new AbortController();
    const flight = { result: start(stop.signal), stop, waiters: 0 };
    flights.set(key, flight);
    return flight;
  }

  return async (key, start, signal) => {
    signal?.throwIfAborted();
    const flight = flights.get(key) ?? launch(key, start);
    flight.waiters += 1;
    try {
      return await unlessAborted(flight.result, signal);
    } finally {
      flight.waiters -= 1;
      if (flight.waiters === 0) {
        forget(key, flight);
        flight.stop.abort();
      }
    }
  };
}

/** The promise's outcome, or the signal's reason if it aborts first. */
export function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) {
    return promise;
  }
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    // Node 20 takes many waiters on one signal for a leak, and warns.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    if (signal.aborted) {
      leave();
    }
  });
}

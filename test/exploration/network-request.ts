// Sends a request and its answer over the simulated network. Used by environment.ts and table-link.ts.
import type { Host, Simulation } from './simulation.ts';

/** One request of a process and its answer. Both may be late or lost. */
export interface NetworkRequest<T> {
  readonly host: Host;
  /** Text for the log, for example «table: claim a». */
  readonly what: string;
  /** What the server does when the request arrives. A rejection is an answer too. */
  readonly serve: () => Promise<T>;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** One error for all aborts, because making one for each abort costs more than everything else in a run. */
const ended = new Error('over');

/** Thrown if no answer came in time. */
export class NoAnswer extends Error {
  override readonly name = 'TimeoutError';
}

/**
 * Resolves or rejects as the server answered. A request that was given up stays under way and may still arrive.
 *
 * @throws NoAnswer if no answer came within `timeoutMs`, or if `signal` was aborted
 */
export function sendRequest<T>(
  simulation: Simulation,
  { host, what, serve, signal, timeoutMs }: NetworkRequest<T>,
): Promise<T> {
  const done = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const giveUp = (): void => end(() => reject(new NoAnswer('no answer in time')));
    const end = (settle: () => void): void => {
      if (done.signal.aborted) {
        return;
      }
      signal.removeEventListener('abort', giveUp);
      done.abort(ended);
      settle();
    };
    const sendAnswer = (text: string, settle: () => void): void =>
      simulation.send({ host, text, arrive: () => host.receive(() => end(settle)) });
    simulation.send({
      host,
      text: `${host.name} → ${what}`,
      arrive: () =>
        serve().then(
          (served) => sendAnswer(`${host.name} ← ${what}: answered`, () => resolve(served)),
          (thrown: unknown) => sendAnswer(`${host.name} ← ${what}: refused`, () => reject(thrown)),
        ),
    });
    signal.aborted ? giveUp() : signal.addEventListener('abort', giveUp, { once: true });
    void host.clock.sleep(timeoutMs, done.signal).then(giveUp);
  });
}

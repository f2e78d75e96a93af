import type { Host, Universe } from './simulation.ts';

/** One request of a process and its answer, both of which may be late or lost. */
export interface Exchange<T> {
  readonly host: Host;
  /** As in «the table: claim». */
  readonly what: string;
  /** What the server does when the request arrives. A rejection is an answer too. */
  readonly serve: () => Promise<T>;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Making one for every abort would cost more than all the rest. */
const ended = new Error('over');

/** Thrown where no answer came. */
export class NoAnswer extends Error {
  override readonly name = 'TimeoutError';
}

/** Rejects with what the server answered, or with `NoAnswer`. What is given up goes on its way all the same. */
export function exchange<T>(universe: Universe, { host, what, serve, signal, timeoutMs }: Exchange<T>): Promise<T> {
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
    const carry = (text: string, settle: () => void): void =>
      universe.send({ host, text, arrive: () => host.receive(() => end(settle)) });
    universe.send({
      host,
      text: `${host.name} → ${what}`,
      arrive: () =>
        serve().then(
          (served) => carry(`${host.name} ← ${what}: answered`, () => resolve(served)),
          (thrown: unknown) => carry(`${host.name} ← ${what}: refused`, () => reject(thrown)),
        ),
    });
    signal.aborted ? giveUp() : signal.addEventListener('abort', giveUp, { once: true });
    void host.clock.sleep(timeoutMs, done.signal).then(giveUp);
  });
}

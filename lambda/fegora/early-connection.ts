// Opens the connection of the first login before a call needs it. Created by ../handler.ts, taken by password-grant.ts.
import { type Clock, elapsedSince, type Moment, momentOf } from '../broker/clock.ts';
import type { Login, LoginConnection } from '../broker/ports.ts';

/** A connection that is opened before a login asks for it. */
export interface EarlyConnection {
  /** Begins to connect, and does not wait: the handshakes go on beside what the first call does before it logs in. */
  readonly open: (login: Login) => void;
  /**
   * Hands the connection to the first login that asks. Undefined if there is none; the promise brings undefined if the
   * connection is old or does not open before the signal aborts.
   */
  readonly take: (signal: AbortSignal) => Promise<LoginConnection | undefined> | undefined;
}

/** How old the connection may be when a login takes it, from the beginning of its handshakes. Milliseconds. */
const usableMs = 2000;

interface Early {
  readonly begun: Moment;
  readonly connecting: ReturnType<Login>;
  /** Aborts when a login takes the connection. */
  readonly taken: AbortController;
  readonly close: () => void;
}

/**
 * Makes the place for an early connection. It is fresh or not by both clocks: the environment may freeze after its init, and
 * its connections die. A connection that no login takes is closed; one that fails is forgotten, and a login that tries
 * again will say why.
 */
export function createEarlyConnection(clock: Clock): EarlyConnection {
  let early: Early | undefined;
  return {
    open: (login) => {
      const begun = begin(login, clock);
      const { connecting, taken, close } = begun;
      early = begun;
      void connecting.then(({ kind }) => {
        early = kind === 'failed' && early === begun ? undefined : early;
      });
      void clock.sleep(usableMs, taken.signal).then(() => taken.signal.aborted || close());
    },
    take: (signal) => {
      const found = early;
      early = undefined;
      return found && use(found, clock, signal);
    },
  };
}

function begin(login: Login, clock: Clock): Early {
  const [taken, closed] = [new AbortController(), new AbortController()];
  const connecting = login(closed.signal);
  const close = (): void => {
    closed.abort();
    void connecting.then((connection) => connection.kind === 'connected' && connection.close());
  };
  return { begun: momentOf(clock), connecting, taken, close };
}

async function use({ begun, connecting, taken, close }: Early, clock: Clock, signal: AbortSignal) {
  taken.abort();
  if (elapsedSince(clock, begun) > usableMs) {
    close();
    return undefined;
  }
  signal.addEventListener('abort', close, { once: true });
  try {
    const connection = await connecting;
    return connection.kind === 'connected' && !signal.aborted ? connection : undefined;
  } finally {
    signal.removeEventListener('abort', close);
  }
}

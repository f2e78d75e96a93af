// Opens the connection of the first login before a call needs it. Created by ../handler.ts, opened by ../aws/prefetch.ts.
import { type Clock, elapsedSince, type Moment, momentOf } from '../broker/clock.ts';
import type { Login } from '../broker/ports.ts';

/** A login port, and the function that opens a connection for its first login. */
export interface EarlyLogin {
  readonly login: Login;
  /** Begins to connect, and does not wait: the handshakes go on beside what the first call does before it logs in. */
  readonly open: () => void;
}

/** How old the connection may be when a login takes it, from the beginning of its handshakes. Milliseconds. */
const usableMs = 2000;

interface Early {
  readonly begun: Moment;
  readonly connecting: ReturnType<Login>;
  /** Aborts when a login takes the connection, or when it is closed. */
  readonly taken: AbortController;
  readonly close: () => void;
}

/**
 * Makes a login port whose first login gets the connection that `open` began, if that is fresh by both clocks: the
 * environment may freeze after its init, and its connections die. A connection that no login takes is closed.
 */
export function createEarlyLogin(login: Login, clock: Clock): EarlyLogin {
  let early: Early | undefined;
  return {
    open: () => {
      early = begin(login, clock);
      const { taken, close } = early;
      void clock.sleep(usableMs, taken.signal).then(() => taken.signal.aborted || close());
    },
    login: async (signal) => {
      const found = early;
      early = undefined;
      return (found && (await use(found, clock, signal))) ?? login(signal);
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

/** The connection, if it is fresh and opens before the signal aborts. Where there is none, another try shows why. */
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

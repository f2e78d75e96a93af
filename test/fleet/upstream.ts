// Fegora on virtual time: how long a login takes, and which logins overlap. Used by fleet.ts.
import { randomUUID } from 'node:crypto';
import type { Login } from '../../lambda/broker/ports.ts';
import { BrokerError } from '../../lambda/errors.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';

export interface UpstreamOptions {
  readonly clock: VirtualClock;
  /** From the first byte to the answer. Milliseconds. */
  readonly loginMs: number;
  /** Name, TCP and TLS. Milliseconds. */
  readonly connectMs: number;
  readonly lifetimeMs: number;
  /** Whether the logins of a user get no answer. @default none */
  readonly hangs?: (username: string) => boolean;
}

/** Longer than any login waits. Milliseconds. */
const longestMs = 3_600_000;

/** Counts what Fegora would see. */
export function createUpstream({ clock, loginMs, connectMs, lifetimeMs, hangs = () => false }: UpstreamOptions) {
  const seen = { connections: 0, logins: 0, overlaps: 0, mostInFlight: 0 };
  const inFlight = new Map<string, number>();
  let flying = 0;

  const login: Login = async (signal) => {
    seen.connections += 1;
    await clock.sleep(connectMs, signal);
    if (signal.aborted) {
      const error = new BrokerError('upstream_timeout', 'no connection in time');
      return { kind: 'failed', error, reached: 'no', answer: error.code };
    }
    return {
      kind: 'connected',
      close: () => {},
      send: async ({ username }, options) => {
        if (!options.beforeFirstByte()) {
          return { kind: 'withheld' };
        }
        begin(username);
        await clock.sleep(hangs(username) ? longestMs : loginMs, options.signal);
        end(username);
        if (options.signal.aborted) {
          const error = new BrokerError('upstream_timeout', 'no answer in time');
          return { kind: 'failed', error, reached: 'unknown', answer: error.code };
        }
        return { kind: 'issued', accessToken: `not-a-real-token-${randomUUID()}`.padEnd(900, 'x'), lifetimeMs };
      },
    };
  };
  return { login, seen };

  function begin(username: string): void {
    const others = inFlight.get(username) ?? 0;
    inFlight.set(username, others + 1);
    flying += 1;
    seen.logins += 1;
    seen.overlaps += others;
    seen.mostInFlight = Math.max(seen.mostInFlight, flying);
  }

  function end(username: string): void {
    inFlight.set(username, (inFlight.get(username) ?? 1) - 1);
    flying -= 1;
  }
}

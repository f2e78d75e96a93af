// Tells the virtual clock when a login is on the wire between an environment and the simulator. Used by ../cluster.ts.
import type { Login } from '../../../lambda/broker/ports.ts';
import type { FegoraSimulator } from '../../../local/fegora/simulator.ts';
import { overConnection } from '../fegora/connection.ts';
import { settle } from '../virtual-clock.ts';

/** The wire between all environments and the simulator. */
export type Wire = ReturnType<typeof createWire>;

/**
 * Knows whether a connection is being opened or a login is in flight. A login that the simulator delays or leaves
 * hanging does not count. A login that its sender aborted counts until the simulator has noticed the abort.
 */
export function createWire(fegora: () => FegoraSimulator) {
  let open = 0;
  const isWaiting = () =>
    fegora()
      .grants()
      .filter(({ waiting, hungUp }) => waiting && !hungUp).length === open;
  const isMoving = () => open > 0 && !isWaiting();
  const track = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T> => {
    open += 1;
    try {
      return await work;
    } finally {
      if (signal.aborted) {
        open += 1;
        await settle();
        open -= 1;
      }
      open -= 1;
    }
  };
  return {
    quiet: async () => {
      const giveUpAt = Date.now() + 20_000;
      for (let wasMoving = true; wasMoving || isMoving(); ) {
        wasMoving = isMoving();
        // Two turns for a deadline that has passed, and one for its effects.
        await settle(3);
        if (Date.now() > giveUpAt) {
          throw new Error('a login is stuck on the wire');
        }
      }
    },
    watch:
      (login: Login, onIssued: (accessToken: string) => void): Login =>
      async (signal) => {
        const connection = await track(signal, login(signal));
        return overConnection(connection, async (send, credentials, options) => {
          const outcome = await track(options.signal, send(credentials, options));
          if (outcome.kind === 'issued') {
            onIssued(outcome.accessToken);
          }
          return outcome;
        });
      },
  };
}

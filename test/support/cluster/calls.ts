// Calls the environments of a cluster, one by one or at a steady rate. Used by ../cluster.ts.
import type { Clock } from '../../../lambda/broker/clock.ts';
import type { Broker, Grant, TokenRequest } from '../../../lambda/broker/contract.ts';
import { BrokerError } from '../../../lambda/errors.ts';
import type { VirtualClock } from '../virtual-clock.ts';

/** How one call ended, measured by the true clock. */
export interface Answer {
  readonly environment: number;
  /** Monotonic milliseconds. */
  readonly askedAt: number;
  readonly tookMs: number;
  /** Epoch milliseconds. */
  readonly answeredAt: number;
  readonly grant?: Grant;
  readonly error?: BrokerError;
}

/** Asks one environment for a token. */
export type Ask = (environment: number, request?: Partial<TokenRequest>, withinMs?: number) => Promise<Answer>;

interface AskOptions {
  readonly environment: number;
  readonly request: TokenRequest;
  readonly withinMs: number;
}

/** Makes one call. Rejects only with errors that are not BrokerErrors. */
export async function askOne(clock: Clock, brokers: readonly Broker[], options: AskOptions): Promise<Answer> {
  const { environment, request, withinMs } = options;
  const askedAt = clock.monotonic();
  const remaining = () => askedAt + withinMs - clock.monotonic();
  const timing = () => {
    const tookMs = clock.monotonic() - askedAt;
    return { environment, askedAt, tookMs, answeredAt: clock.now() };
  };
  try {
    const grant = await brokers[environment]?.getToken(request, remaining);
    return { ...timing(), ...(grant !== undefined && { grant }) };
  } catch (error) {
    if (error instanceof BrokerError) {
      return { ...timing(), error };
    }
    throw error;
  }
}

interface Load {
  readonly ask: Ask;
  readonly perSecond: number;
  readonly forMs: number;
  readonly onAnswer: (answer: Answer) => void;
}

/** Makes calls at a steady rate, in turn in each environment, and waits for all answers. */
export async function load(
  clock: VirtualClock,
  environments: number,
  { ask, perSecond, forMs, onAnswer }: Load,
): Promise<void> {
  const open = new Set<Promise<void>>();
  const startedAt = clock.monotonic();
  for (let asked = 0; asked * 1000 < forMs * perSecond; asked += 1) {
    const answered = ask(asked % environments)
      .then(onAnswer)
      .finally(() => open.delete(answered));
    open.add(answered);
    await clock.advance(startedAt + ((asked + 1) * 1000) / perSecond - clock.monotonic());
  }
  await clock.until(Promise.all(open), 60_000);
}

import { type BrokerError, isOnlyLate } from '../errors.ts';
import type { Outcome } from './flight.ts';
import type { Clock } from './ports.ts';
import { marginMs, servableUntil, type Token } from './token.ts';

/** A token as this environment holds it. */
export interface Held {
  readonly token: Token;
  /** Not handed out from here on, by the wall clock: epoch milliseconds. */
  readonly wallUntil: number;
  /** Nor from here on, by the monotonic clock: a jump of the wall clock cannot stretch a token. Milliseconds. */
  readonly monotonicUntil: number;
  /** Whether the latest try to renew it failed. */
  readonly failing: boolean;
}

/** What one environment keeps of tokens: one per account at most. */
export interface Memory {
  /** The token held, if it may still be handed out and is not the one reported as rejected. */
  readonly usable: (account: string, rejected?: string) => Held | undefined;
  /** How long a token has to live, by whichever clock says less. Milliseconds. */
  readonly lifeLeftMs: (held: Held) => number;
  /** What a flight brought, if it may still be handed out. */
  readonly admit: (outcome: Outcome) => Held | undefined;
  /** Keeps what a flight brought; a token that the table could not take yet is not given up for an older one. */
  readonly keep: (account: string, outcome: Outcome, rejected?: string) => void;
  readonly forget: (account: string) => void;
}

/** The memory of one environment, empty at first. */
export function createMemory(clock: Clock): Memory {
  const tokens = new Map<string, Held>();

  return {
    usable: (account, rejected) => {
      const held = tokens.get(account);
      return held !== undefined && isUsable(held) && held.token.fingerprint !== rejected ? held : undefined;
    },
    lifeLeftMs: ({ token, wallUntil, monotonicUntil }) => {
      const servableMs = Math.min(wallUntil - clock.now(), monotonicUntil - clock.monotonic());
      return servableMs + marginMs(token.lifetimeMs);
    },
    admit: (outcome) => {
      const held = heldFrom(outcome);
      return held !== undefined && isUsable(held) ? held : undefined;
    },
    keep: (account, outcome, rejected) => {
      const known = tokens.get(account);
      const brought = outcome.kept ? heldFrom(outcome) : undefined;
      if (brought !== undefined && !(known !== undefined && isBetter(known, brought, rejected))) {
        tokens.set(account, brought);
      } else if (known !== undefined && !saysNothing(outcome.failure)) {
        tokens.set(account, { ...known, failing: isFailing(outcome.failure) });
      }
    },
    forget: (account) => {
      tokens.delete(account);
    },
  };

  function isUsable({ wallUntil, monotonicUntil }: Held): boolean {
    return clock.now() < wallUntil && clock.monotonic() < monotonicUntil;
  }

  function isBetter(known: Held, brought: Held, rejected: string | undefined): boolean {
    const isNewer = known.token.issuedAt > brought.token.issuedAt;
    return isNewer && isUsable(known) && known.token.fingerprint !== rejected;
  }
}

function heldFrom({ token, seen, failure }: Outcome): Held | undefined {
  if (token === undefined) {
    return undefined;
  }
  const wallUntil = servableUntil(token);
  return { token, wallUntil, monotonicUntil: seen.monotonic + wallUntil - seen.wall, failing: isFailing(failure) };
}

/** Whether renewal itself is in trouble. */
export function isFailing(failure: BrokerError | undefined): boolean {
  return failure !== undefined && !saysNothing(failure);
}

/** Being late, or reporting too many tokens, tells neither that renewal is in trouble nor that it is not. */
function saysNothing(failure: BrokerError | undefined): boolean {
  return failure !== undefined && (isOnlyLate(failure) || failure.code === 'too_many_rejections');
}

import type { BrokerError } from '../errors.ts';
import type { Reading } from './item-reader.ts';
import type { Moment } from './login-guard.ts';
import type { Remaining } from './ports.ts';
import type { Token } from './token.ts';
import type { Want } from './want.ts';

/** What a flight brought. `token` and `failure` may stand together: a good token whose renewal failed. */
export interface Outcome {
  readonly token?: Token;
  /** A moment at which our wall clock can be trusted with regard to the token. */
  readonly seen: Moment;
  readonly source: 'shared' | 'upstream';
  /** False for a token that environments will not share, because another claim came in between. */
  readonly kept: boolean;
  readonly failure?: BrokerError;
}

/** One search for a token, which others who want one of the same account may join. */
export interface Flight {
  readonly account: string;
  readonly want: Want;
  readonly remaining: Remaining;
  /** When to give up waiting. Monotonic milliseconds. */
  readonly until: number;
  /** Told, before a login, what those who joined may have at once: a token that still serves, or the failure it probes. */
  readonly announce?: (outcome: Outcome) => void;
}

/** What was read, as it stands; with `failure`, why nothing better came of it. */
export function stand({ current, seen }: Pick<Reading, 'current' | 'seen'>, failure?: BrokerError): Outcome {
  const token = current === undefined ? {} : { token: current };
  return { ...token, seen, source: 'shared', kept: true, ...(failure !== undefined && { failure }) };
}

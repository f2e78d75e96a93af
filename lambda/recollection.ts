import type { Mark } from './attempt.ts';
import type { Item } from './item.ts';
import type { Change } from './ports.ts';

/** What an environment remembers of an account between flights: a few fields, however many calls. */
export interface Recollection {
  /** Marks that could not be written, by credential key; they stop their versions here, and are written when they can be. */
  readonly pendingMarks: Map<string, Mark>;
  /** As it was last read: obeyed where the table cannot be asked. */
  known: Known;
  /** When Secrets Manager was last asked because the cached version is marked. Monotonic milliseconds. */
  secretAskedAt: number;
  /** No login without a table before this time. Monotonic milliseconds. */
  nextBareLogin: number;
  /** The answer of the latest failed login without a table, and how often in a row it came. */
  bareFailures: { readonly answer: string; readonly inRow: number };
}

/** What of an item forbids a login. */
export type Known = Pick<Item, 'marks' | 'proven' | 'nextTry' | 'leaseUntil' | 'paused' | 'retryAt' | 'retryCode'>;

/** What a new environment knows: nothing. */
export function emptyRecollection(): Recollection {
  return {
    pendingMarks: new Map(),
    known: { marks: new Set(), leaseUntil: 0, paused: false },
    secretAskedAt: Number.NEGATIVE_INFINITY,
    nextBareLogin: Number.NEGATIVE_INFINITY,
    bareFailures: { answer: '', inRow: 0 },
  };
}

/** Notes that Fegora refused these credentials, whether or not the table takes the mark. */
export function remember(recollection: Recollection, key: string): void {
  const { known } = recollection;
  recollection.known = { ...known, marks: new Set([...known.marks, key]) };
}

/** Notes until when nobody may log in, whether or not the table takes it. */
export function rememberHold(recollection: Recollection, { retryAt, code: retryCode }: Hold): void {
  recollection.known = { ...recollection.known, retryAt, retryCode };
}

type Hold = NonNullable<Extract<Change, { kind: 'fail' }>['hold']>;

// Which accounts are kept warm because they are in use, as the item notes it. Used by refresh-loop.ts and login/.
import { isOnlyLate } from '../errors.ts';
import type { Item, Use } from './item.ts';
import { answerReserveMs } from './login/login-guard.ts';
import type { AccountPorts } from './ports.ts';
import type { RefreshGoal, RefreshRequest, RefreshResult, Snapshot } from './refresh.ts';
import { withTimeLimit } from './time-limit.ts';
import { renewableFrom } from './token.ts';

type Noted = Pick<Item, 'dueAt' | 'isUnasked'>;

/** How a token is noted that is bought for this goal. Nothing is noted if the account is not in use. */
export function useOfNew({ dueAt, isUnasked }: Noted, kind: RefreshGoal['kind']): { readonly use?: Use } {
  if (isOfCaller(kind)) {
    return { use: 'asked' };
  }
  return dueAt === undefined ? {} : { use: isUnasked === true ? 'idle' : 'unasked' };
}

/** What the item should note, but does not, after a refresh that bought no token; undefined if nothing. */
export function useToNote(
  { item, current }: Pick<Snapshot, 'item' | 'current'>,
  kind: RefreshGoal['kind'],
  failure: RefreshResult['failure'],
): Exclude<Use, 'unasked'> | undefined {
  const { fault, dueAt, isUnasked } = item;
  if (fault !== undefined) {
    return undefined;
  }
  if (isOfCaller(kind)) {
    const isMissing = dueAt === undefined || isUnasked === true;
    return current !== undefined && isMissing ? 'asked' : undefined;
  }
  return dueAt === undefined ? undefined : toNoteByWarmUp(dueAt, current, failure);
}

function toNoteByWarmUp(dueAt: number, current: Snapshot['current'], failure: RefreshResult['failure']) {
  if (current === undefined) {
    return failure === undefined || isOnlyLate(failure) ? undefined : 'idle';
  }
  // A version that notes nothing bought this token.
  return dueAt < renewableFrom(current, 0) ? 'asked' : undefined;
}

/** Whether a caller waits for a refresh with this goal. */
export function isOfCaller(kind: RefreshGoal['kind']): boolean {
  return kind !== 'warm' && kind !== 'verify';
}

/** The longest that a caller waits for the note. Milliseconds. */
const longestNoteMs = 500;

/**
 * Makes the function that notes after a refresh that the account is in use, or no longer. It never rejects: what is not noted
 * costs one login, sooner or later, and the next refresh notes it.
 */
export function createUseNotes({ clock, table, notesUse }: Pick<AccountPorts, 'clock' | 'table' | 'notesUse'>) {
  return async (request: RefreshRequest, snapshot: Snapshot | undefined, result: RefreshResult): Promise<void> => {
    if (notesUse !== true || snapshot === undefined || result.source === 'upstream') {
      return;
    }
    const use = useToNote(snapshot, request.goal.kind, result.failure);
    const { item, current } = snapshot;
    if (use !== undefined) {
      const what = current === undefined ? { revision: item.revision } : { dueAt: renewableFrom(current, 0) };
      const note = { kind: 'note', ...what } as const;
      const limitMs = Math.min(longestNoteMs, request.remaining() - answerReserveMs);
      await withTimeLimit(clock, limitMs, (late) => table.write(note, late)).catch(() => false);
    }
  };
}

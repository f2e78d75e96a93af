// Finds each `*` in the policies of a template. Called by the tests of policies.
import type { Statement } from './statements.ts';

/** One allowed `*`, with its reason. The tests find every other `*`. */
export interface Exception {
  readonly type: string;
  readonly effect: 'Allow' | 'Deny';
  readonly element: 'action' | 'resource' | 'principal' | 'condition';
  readonly value: RegExp;
  /** Sid of the statement, if only that statement may have the `*`. */
  readonly sid?: string;
  /** Actions of the statement, if only a statement with exactly these may have the `*`. */
  readonly actions?: readonly string[];
  readonly reason: string;
}

/** Returns every part of a statement that contains a `*`. */
function wildcardsIn({ actions, resources, principals, condition }: Statement) {
  return [
    ...actions.map((value) => ({ element: 'action', value })),
    ...resources.map((value) => ({ element: 'resource', value })),
    ...principals.map((value) => ({ element: 'principal', value })),
    { element: 'condition', value: condition },
  ].filter(({ value }) => value.includes('*'));
}

function isExcepted(statement: Statement, { element, value }: { element: string; value: string }, by: Exception) {
  return (
    by.type === statement.type &&
    by.effect === statement.effect &&
    by.element === element &&
    by.value.test(value) &&
    (by.sid === undefined || by.sid === statement.sid) &&
    (by.actions === undefined || by.actions.join() === statement.actions.join())
  );
}

/** Returns every wildcard of a statement without an exception, and every negation. */
export function wildcards(statement: Statement, exceptions: readonly Exception[]): string[] {
  const { effect, logicalId, negations } = statement;
  const unexcepted = wildcardsIn(statement).filter(
    (wildcard) => !exceptions.some((exception) => isExcepted(statement, wildcard, exception)),
  );
  return [...unexcepted.map(({ element, value }) => `${element} ${value}`), ...negations].map(
    (what) => `${logicalId}: ${effect} ${what}`,
  );
}

/** Whether a statement needs the exception. */
export function isUsed(exception: Exception, statements: readonly Statement[]): boolean {
  return statements.some((statement) =>
    wildcardsIn(statement).some((wildcard) => isExcepted(statement, wildcard, exception)),
  );
}

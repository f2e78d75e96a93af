// What a check of `doctor` is, and what it finds. Used by the files of this folder.
import { asCommandError } from '../failure.ts';
import { runbookOf } from '../status/runbooks.ts';
import type { Examined } from './examined.ts';

/** What a check found. */
export interface Finding {
  /** `not_checked` if a right or an earlier fact is missing: it says nothing about the broker. */
  readonly outcome: 'ok' | 'wrong' | 'not_checked';
  /** What is so, or why it was not checked. Never a secret. */
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
  /** Where to read on: a page of the documentation with the anchor of a heading. Absent if the advice is all there is. */
  readonly runbook?: string;
}

/** One row of the table in checks.ts. */
export interface Check {
  readonly name: string;
  readonly run: (examined: Examined) => Promise<Finding>;
}

export function ok(text: string): Finding {
  return { outcome: 'ok', text };
}

export function wrong(text: string, advice?: string): Finding {
  return { outcome: 'wrong', text, ...(advice !== undefined && { advice }) };
}

/** Returns what a failure says. Its code decides the runbook. */
export function failed(thrown: unknown, advice?: string): Finding {
  return { ...wrong(textOf(thrown), advice), ...runbookOf(codeOf(thrown)) };
}

export function notChecked(reason: string): Finding {
  return { outcome: 'not_checked', text: `not checked, because ${reason}` };
}

/**
 * Returns what a refusal says about the broker. A missing right says nothing. A Deny says nothing either, and its text is
 * shown, because it may be the fault. WAF, a wrong stage and a proxy refuse before IAM, so that is wrong.
 *
 * @param missing what is so if IAM has not given the right
 */
export function ofRefusal(thrown: unknown, missing: string): Finding {
  const text = textOf(thrown);
  if (/ is not permitted to .* Grant it with /.test(text)) {
    return notChecked(missing);
  }
  return text.includes('The cause is a Deny') ? notChecked(text) : failed(thrown);
}

/** Returns the text of any failure, as a command prints it. */
export function textOf(thrown: unknown): string {
  return asCommandError(thrown).message;
}

/** Returns the code of an error of the client, or the name of an error of AWS. */
export function codeOf(thrown: unknown): string {
  const { code, name } = { code: '', name: '', ...(typeof thrown === 'object' ? thrown : {}) };
  return String(code || name || (thrown instanceof Error ? thrown.name : ''));
}

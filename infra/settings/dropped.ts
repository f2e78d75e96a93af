// Finds the accounts that the CDK's command line drops from cdk.json. Called by app.ts.

import { membersOf, parseJson } from '../../lambda/json.ts';
import { droppedIds } from '../accounts.ts';

/**
 * The command line drops every member named `__proto__`, `constructor` or `prototype` from the context, so the app does not see
 * such an account, and would deploy the others without a word.
 *
 * @param cdkJson the text of `cdk.json`
 * @throws Error that names each account of the stage that was dropped
 */
export function checkDropped(cdkJson: string, stage: string): void {
  const accounts = ['context', 'stages', stage, 'accounts'].reduce(
    (value: unknown, name) => membersOf(value)?.get(name),
    parseJson(cdkJson),
  );
  const dropped = [...(membersOf(accounts)?.keys() ?? [])].filter((id) => [...droppedIds, '__proto__'].includes(id));
  if (dropped.length > 0) {
    throw new Error(dropped.map((id) => `accounts.${id}: the CDK cannot take this id: choose another`).join('\n'));
  }
}

// Lists the accounts that were added without a deployment. Called by accounts.ts.
import { openSecrets } from '../aws/secrets-client.ts';
import type { Output } from '../output/output.ts';
import type { Target } from '../target.ts';
import { openSettings } from './open-secrets.ts';
import { type AddedAccount, accountPages } from './pages.ts';

/** Lists every account, each page as soon as it is there. @throws CommandError if accounts are not open */
export async function listAccounts(target: Target, output: Output): Promise<void> {
  const settings = openSettings(target);
  const accounts: AddedAccount[] = [];
  for await (const page of accountPages(await openSecrets(target), settings)) {
    accounts.push(...page);
    output.show({ accounts }, page.map(lineOf));
  }
  if (accounts.length === 0) {
    output.note('no account was added');
  }
}

function lineOf({ account, removed }: AddedAccount): string {
  return removed === undefined ? account : `${account} (removed ${removed})`;
}

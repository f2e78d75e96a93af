// Asks for the states of the accounts that were added without a deployment, page by page. Called by status.ts.
import { openSettings } from '../accounts/open-secrets.ts';
import { accountPages } from '../accounts/pages.ts';
import { invokeAdmin } from '../aws/admin.ts';
import { openSecrets } from '../aws/secrets-client.ts';
import type { Target } from '../target.ts';
import { type AccountStatus, accountsIn } from './account-state.ts';

/**
 * Yields the states of up to 100 accounts at a time. The broker does not know which open accounts there are: Secrets Manager
 * does. Those that were removed are left out. Nothing is asked if accounts are not open, or if it is not known where the secrets of the
 * local run are.
 */
export async function* addedStatuses(target: Target): AsyncGenerator<readonly AccountStatus[]> {
  const isReachable = target.lambdaEndpoint === undefined || target.secretsEndpoint !== undefined;
  if (target.openAccounts === undefined || !isReachable) {
    return;
  }
  for await (const page of accountPages(await openSecrets(target), openSettings(target))) {
    const accounts = page.filter(({ removed }) => removed === undefined).map(({ account }) => account);
    if (accounts.length > 0) {
      yield accountsIn(await invokeAdmin(target, { action: 'status', accounts }));
    }
  }
}

// The checks of the aliases `admin` and `account-<id>`. Rows of checks.ts.
import { invokeTransport } from '../../client/invoke.ts';
import { probe } from './api.ts';
import { codeOf, type Finding, notChecked, ofRefusal, ok, textOf, wrong } from './check.ts';
import { type Examined, statusOf } from './examined.ts';

export async function checkAdmin({ target, status }: Examined): Promise<Finding> {
  if (target().functionName === undefined) {
    return notChecked('the function is not known');
  }
  try {
    const accounts = await status();
    return ok(`the alias admin answers; accounts: ${accounts.map(({ account }) => account).join(', ')}`);
  } catch (thrown) {
    switch (codeOf(thrown)) {
      case 'unknown_account':
      case 'invalid_account':
        return ok('the alias admin answers');
      case 'ResourceNotFoundException':
        return wrong(textOf(thrown), 'check --function-name and --region; deploy the stack if the alias is missing');
      default:
        return ofRefusal(thrown, 'these keys may not operate the broker, as is right for a caller');
    }
  }
}

/** Returns the check of the alias of one account. The function refuses the call, so nothing logs in. */
export function checkAlias(account: string) {
  return async ({ target, lambda, status }: Examined): Promise<Finding> => {
    if (target().functionName === undefined) {
      return notChecked('the function is not known');
    }
    if ((await statusOf(account, status))?.open === true) {
      return ok('an open account has no alias; the API serves it');
    }
    try {
      await invokeTransport({ ...(await lambda()), account }, Date.now)(probe, AbortSignal.timeout(30_000));
      return wrong('the alias took a request that it has to refuse', 'check --function-name');
    } catch (thrown) {
      switch (codeOf(thrown)) {
        case 'invalid_request':
          return ok(`the alias account-${account} answers`);
        case 'unknown_account':
          return wrong(`the function has no alias account-${account}`, 'deploy the stack with this account');
        default:
          return ofRefusal(thrown, `these keys may not invoke the alias account-${account}`);
      }
    }
  };
}

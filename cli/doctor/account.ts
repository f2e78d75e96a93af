// The checks of one account: the form of its secret, its state, and a token if the operator asks for it. Rows of checks.ts.
import { parseSecret } from '../../lambda/aws/secret.ts';
import { openSecrets } from '../secrets-client.ts';
import { stateOf } from '../status/account-state.ts';
import { clientFor } from '../token.ts';
import { codeOf, type Finding, notChecked, ok, textOf, wrong } from './check.ts';
import type { Examined } from './examined.ts';

/** Reads the secret, and says nothing about it but whether the broker could read it. */
export function checkSecret(account: string) {
  return async ({ target }: Examined): Promise<Finding> => {
    const secretId = target().secretId(account);
    if (secretId === undefined) {
      return notChecked('the outputs do not name the secret');
    }
    try {
      const secrets = await openSecrets(target());
      const { SecretString: text } = await secrets.call('GetSecretValue', { SecretId: secretId });
      parseSecret(typeof text === 'string' ? text : undefined);
      return ok('has the form that the broker reads');
    } catch (thrown) {
      return failedRead(thrown, secretId);
    }
  };
}

function failedRead(thrown: unknown, secretId: string): Finding {
  const advice = 'store user and password with `credentials set`';
  switch (codeOf(thrown)) {
    case 'secret_malformed':
      return wrong(textOf(thrown), advice);
    case 'ResourceNotFoundException':
      return wrong(`the secret ${secretId} does not exist, or has no value`, advice);
    case 'AccessDeniedException':
      return notChecked('an administrator may store a secret, but not read it; the broker reads it');
    default:
      return notChecked(`the secret cannot be read: ${textOf(thrown)}`);
  }
}

export function checkState(account: string) {
  return async ({ status }: Examined): Promise<Finding> => {
    const known = await status().catch(() => undefined);
    const found = known?.find((one) => one.account === account);
    if (found === undefined) {
      return notChecked('the broker did not say how it is');
    }
    const { urgency, state, advice } = stateOf(found, Date.now());
    return urgency === 'wrong' ? wrong(state, advice) : ok(state);
  };
}

/** Gets a token as a caller does, only with `--login`: the broker may log in to Fegora for it. */
export function checkToken(account: string) {
  return async ({ login, target, options }: Examined): Promise<Finding> => {
    if (!login) {
      return notChecked('a token may need a login; --login asks for one');
    }
    try {
      const token = await (await clientFor(target(), account, options)).getToken();
      return ok(`token valid until ${new Date(token.expiresAt).toISOString()}`);
    } catch (thrown) {
      return codeOf(thrown) === 'forbidden'
        ? notChecked('these keys may not ask for tokens of this account')
        : wrong(textOf(thrown));
    }
  };
}

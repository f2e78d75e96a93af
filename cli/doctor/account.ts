// The checks of one account: the form of its secret, its state, and a token if the operator asks for it. Rows of checks.ts.
import { parseSecret } from '../../lambda/aws/secret.ts';
import { BrokerError, type ErrorCode } from '../../lambda/errors.ts';
import { secretIdByStatus } from '../accounts/open-secrets.ts';
import { openSecrets } from '../aws/secrets-client.ts';
import { asCommandError, exitCodes } from '../failure.ts';
import { stateOf } from '../status/account-state.ts';
import { runbookOf } from '../status/runbooks.ts';
import { clientFor, expiryOf } from '../token.ts';
import { codeOf, type Finding, failed, notChecked, ok, textOf, wrong } from './check.ts';
import { type Examined, statusOf } from './examined.ts';

/** Reads the secret, and says nothing about it but whether the broker could read it. */
export function checkSecret(account: string) {
  return async ({ target, status }: Examined): Promise<Finding> => {
    const { lambdaEndpoint, secretsEndpoint } = target();
    const secretId = secretIdByStatus(target(), account, await statusOf(account, status));
    if (secretId === undefined) {
      return notChecked('the outputs do not name the secret');
    }
    if (lambdaEndpoint !== undefined && secretsEndpoint === undefined) {
      return notChecked('the local Secrets Manager is not known; give --secrets-endpoint, as `npm start` prints it');
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
  const advice = 'store user and password with `credentials set`, or with `accounts add` if the account is open';
  if (thrown instanceof BrokerError) {
    return found(thrown.code, thrown.message, advice);
  }
  switch (codeOf(thrown)) {
    case 'ResourceNotFoundException':
      return found('secret_missing', `the secret ${secretId} does not exist, or has no value`, advice);
    case 'AccessDeniedException':
      return notChecked('an administrator may store a secret, but not read it; the broker reads it');
    default:
      return found(faultOfRead(thrown), `the secret cannot be read: ${textOf(thrown)}`);
  }
}

function faultOfRead(thrown: unknown): ErrorCode {
  return asCommandError(thrown).exitCode === exitCodes.tryLater ? 'secret_unavailable' : 'configuration';
}

/** Returns what is wrong, with the runbook of the code that the broker answers then. */
function found(code: ErrorCode, text: string, advice?: string): Finding {
  return { ...wrong(text, advice), ...runbookOf(code) };
}

export function checkState(account: string) {
  return async (examined: Examined): Promise<Finding> => {
    const known = await examined.status().catch((thrown: unknown) => thrown);
    if (codeOf(known) === 'unknown_account' || codeOf(known) === 'invalid_account') {
      return failed(known, 'name another account; `status` shows all accounts');
    }
    const status = Array.isArray(known) ? known.find((one) => one.account === account) : undefined;
    if (status === undefined) {
      return notChecked('the broker did not say how it is');
    }
    const { urgency, state, advice, runbook } = stateOf(status, Date.now());
    return urgency === 'wrong' ? { ...wrong(state, advice), ...(runbook !== undefined && { runbook }) } : ok(state);
  };
}

/**
 * Gets a token as a caller does, only with `--login`: the broker may log in to Fegora for it.
 *
 * @param account undefined for the broker's default account
 */
export function checkToken(account: string | undefined) {
  return async ({ login, target, options }: Examined): Promise<Finding> => {
    if (!login) {
      return notChecked('a token may need a login; --login asks for one');
    }
    try {
      const token = await (await clientFor(target(), account, options)).getToken();
      return ok(`token valid until ${expiryOf(token)}`);
    } catch (thrown) {
      return failed(thrown);
    }
  };
}

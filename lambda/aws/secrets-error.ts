// Turns what the SDK throws about a secret into a BrokerError. Called by credential-source.ts.
import { BrokerError, type ErrorCode } from '../errors.ts';

/** Whether Secrets Manager could not be reached. Such an error says nothing about the secret. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof BrokerError && error.code === 'secret_unavailable';
}

/** Errors after which a later read may succeed, with any status: Secrets Manager throttles with 400. */
const transientNames =
  /^(Throttling|ThrottlingException|TooManyRequestsException|RequestLimitExceeded|Internal.*|ServiceUnavailable.*)$/;

/**
 * What Secrets Manager says of a secret that does not exist, and of one that is marked for deletion. The names of both
 * errors have other meanings too: a secret without a value is a ResourceNotFoundException as well.
 */
const goneSecrets = new Map([
  ['ResourceNotFoundException', /find the specified secret(?! value)/],
  ['InvalidRequestException', /marked for deletion|scheduled for deletion/],
]);

/**
 * A refusal of the key, or by a Deny: the rights are at fault, and the account may exist.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
const faultyRights = /Access to KMS|: kms:|explicit deny/;

/**
 * Returns `secret_missing`, `credentials_missing`, `configuration` or `secret_unavailable`, by the name, the status and
 * the message of the SDK's error. It keeps nothing of that error but the name, not even as `cause`, because an error about
 * a response that was cut short contains the response. A BrokerError is returned as it is.
 *
 * @param isOpen whether the account is open: `unknown_account` then says that no account has the id
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html#API_GetSecretValue_Errors
 */
export function asSecretError(thrown: unknown, isOpen = false): BrokerError {
  if (thrown instanceof BrokerError) {
    return thrown;
  }
  const name = thrown instanceof Error && /^\w{1,64}$/.test(thrown.name) ? thrown.name : 'unknown failure';
  const detail = `GetSecretValue: ${systemCodeOf(thrown) ?? name}`;
  const absence = absenceBy(name, thrown instanceof Error ? thrown.message : '', isOpen);
  if (absence !== undefined) {
    return new BrokerError(absence, detail);
  }
  const refused = name === 'CredentialsProviderError' || isClientFault(thrown);
  return new BrokerError(refused && !transientNames.test(name) ? 'configuration' : 'secret_unavailable', detail);
}

/**
 * What is not there: the secret, its value, or an open account. The role may read the secret of an open account only if it has
 * the tag of the broker. Without a secret there is no tag, and the same answer.
 */
function absenceBy(name: string, message: string, isOpen: boolean): ErrorCode | undefined {
  if (
    goneSecrets.get(name)?.test(message) ||
    (isOpen && name === 'AccessDeniedException' && !faultyRights.test(message))
  ) {
    return isOpen ? 'unknown_account' : 'secret_missing';
  }
  return name === 'ResourceNotFoundException' ? 'credentials_missing' : undefined;
}

/** The system's code if no response came, such as `ENOTFOUND`. A `code` in a response may contain any text. */
function systemCodeOf(thrown: unknown): string | undefined {
  const code = property(thrown, 'code');
  const isSystems =
    httpStatusOf(thrown) === undefined && typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code);
  return isSystems ? code : undefined;
}

function httpStatusOf(thrown: unknown): unknown {
  return property(property(thrown, '$metadata'), 'httpStatusCode');
}

function isClientFault(thrown: unknown): boolean {
  const status = httpStatusOf(thrown);
  return typeof status === 'number' && status >= 400 && status < 500 && status !== 408 && status !== 429;
}

function property(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
}

import { BrokerError } from '../errors.ts';

/** Whether Secrets Manager could not be reached, which says nothing of the secret. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof BrokerError && error.code === 'secret_unavailable';
}

/** Failures that pass by themselves, whatever status they come with: Secrets Manager throttles with 400. */
const passing =
  /^(Throttling|ThrottlingException|TooManyRequestsException|RequestLimitExceeded|Internal.*|ServiceUnavailable.*)$/;

/**
 * By the name and the status of what the SDK threw. Nothing else of it goes on, not even as `cause`: an error about an
 * answer that was cut short carries the answer.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html#API_GetSecretValue_Errors
 */
export function asSecretError(thrown: unknown): BrokerError {
  if (thrown instanceof BrokerError) {
    return thrown;
  }
  const name = thrown instanceof Error && /^\w{1,64}$/.test(thrown.name) ? thrown.name : 'unknown failure';
  const detail = `GetSecretValue: ${systemCodeOf(thrown) ?? name}`;
  if (name === 'ResourceNotFoundException') {
    return new BrokerError('credentials_missing', detail);
  }
  const refused = name === 'CredentialsProviderError' || isClientFault(thrown);
  return new BrokerError(refused && !passing.test(name) ? 'configuration' : 'secret_unavailable', detail);
}

/** Why nothing was answered: `ENOTFOUND` and the like, whose name is `Error`. A code in an answer is not ours to repeat. */
function systemCodeOf(thrown: unknown): string | undefined {
  const code = property(thrown, 'code');
  const isSystems = statusOf(thrown) === undefined && typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code);
  return isSystems ? code : undefined;
}

function statusOf(thrown: unknown): unknown {
  return property(property(thrown, '$metadata'), 'httpStatusCode');
}

function isClientFault(thrown: unknown): boolean {
  const status = statusOf(thrown);
  return typeof status === 'number' && status >= 400 && status < 500 && status !== 408 && status !== 429;
}

function property(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
}

// Calls Secrets Manager, which gets the password. Called by credentials/, accounts/ and doctor/.
import { CommandError, exitCodes } from '../failure.ts';
import type { Target } from '../target.ts';
import { openService } from './signed-call.ts';

/** Secrets Manager, and where it is: `https://secretsmanager.us-east-1.amazonaws.com`. */
export interface Secrets {
  /**
   * Calls one operation. Its members are those of the API.
   *
   * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html
   * @throws an Error that is named as the API names it
   * @throws CommandError if the answer is of another server
   */
  readonly call: (operation: string, input: object) => Promise<Readonly<Record<string, unknown>>>;
  readonly origin: string;
}

/**
 * Returns the Secrets Manager of the target. A password goes only to AWS, to loopback or to an allowed origin.
 *
 * @throws CommandError if the address is not allowed, or if the broker is the local run and the password would go to AWS
 */
export async function openSecrets(target: Target): Promise<Secrets> {
  const { secretsEndpoint, lambdaEndpoint } = target;
  if (secretsEndpoint === undefined && lambdaEndpoint !== undefined) {
    throw new CommandError(
      exitCodes.usage,
      'the local Secrets Manager is not known; give --secrets-endpoint, as `npm start` prints it',
    );
  }
  const named = secretsEndpoint === undefined ? undefined : { url: secretsEndpoint, from: '--secrets-endpoint' };
  const { endpoint, send } = await openService(target, { name: 'secretsmanager', id: 'Secrets Manager' }, named);
  return { call, origin: endpoint.origin };

  async function call(operation: string, input: object) {
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `secretsmanager.${operation}` };
    const { body } = await send(headers, JSON.stringify(input));
    const answer: unknown = JSON.parse(body);
    const members: Readonly<Record<string, unknown>> = typeof answer === 'object' ? { ...answer } : {};
    if (!isOfSecretsManager(operation, members)) {
      const text = `the answer of ${endpoint.origin} is not from Secrets Manager`;
      throw new CommandError(exitCodes.failed, `${text}; check the address, and whether there is a proxy`);
    }
    return members;
  }
}

/** Secrets Manager always names the version of a value, and the secret. */
function isOfSecretsManager(operation: string, { ARN: arn, VersionId: version, SecretList: list }: Answer): boolean {
  return operation === 'ListSecrets'
    ? Array.isArray(list)
    : typeof (operation.endsWith('Value') ? version : arn) === 'string';
}

type Answer = Readonly<Record<string, unknown>>;

// Makes the client of Secrets Manager, which gets the password. Called by credentials-set.ts.
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { awsConfig } from './aws.ts';
import { checkEndpoint, configuredEndpoint } from './endpoints.ts';
import { CommandError, exitCodes } from './failure.ts';
import type { Target } from './target.ts';

/** A client, and where it has sent its last request: `https://secretsmanager.us-east-1.amazonaws.com`. */
export interface Secrets {
  readonly client: SecretsManagerClient;
  readonly origin: () => string | undefined;
}

/**
 * Returns a client that checks the address of each request before the request is signed: whatever file, variable or
 * setting of the SDK an address comes from, a password goes only to AWS, to loopback or to an allowed origin.
 *
 * @throws CommandError if the broker is the local run, and the password would go to AWS
 */
export async function openSecrets(target: Target): Promise<Secrets> {
  const { secretsEndpoint, lambdaEndpoint, profile, allowed } = target;
  if (secretsEndpoint === undefined && lambdaEndpoint !== undefined) {
    throw new CommandError(
      exitCodes.usage,
      'the local Secrets Manager is not known; give --secrets-endpoint, as `npm start` prints it',
    );
  }
  const configured = await configuredEndpoint('Secrets Manager', profile);
  const endpoint = secretsEndpoint ?? configured?.url;
  const client = new SecretsManagerClient({ ...awsConfig(target), ...(endpoint !== undefined && { endpoint }) });
  let last: URL | undefined;
  client.middlewareStack.add(
    (next) => (request) => {
      last = checkEndpoint({ url: urlOf(request.request), from: 'the SDK’s settings' }, 'secretsmanager', allowed);
      return next(request);
    },
    { step: 'build', name: 'checkAddress' },
  );
  return { client, origin: () => last?.origin };
}

/** Returns the address of a request of the SDK; an empty text if it has none, which is not allowed. */
function urlOf(request: unknown): string {
  const empty = { protocol: '', hostname: '', port: undefined };
  const { protocol, hostname, port } = { ...empty, ...(typeof request === 'object' ? request : {}) };
  return protocol === '' ? '' : `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
}

// A broker on this machine that the command line finds as one on AWS: by a file of outputs. Used by the test of the first hour.
import { startGateway } from '../../local/gateway/gateway.ts';
import { serve } from '../../local/loopback.ts';
import { startGatewaySystem } from '../support/client/gateway-system.ts';
import { passwordOf, secretOf } from '../support/test-system.ts';
import type { Variables } from './process.ts';

/** A broker as it is after its first deployment: its secret has no value. */
export interface DeployedBroker {
  /** The content of the file of `cdk deploy --outputs-file`. */
  readonly outputs: object;
  /** Keys of a role that may do everything, and where AWS is. */
  readonly variables: Variables;
  /** The Fegora user, and its password. */
  readonly user: string;
  readonly password: string;
  /** Stores both without the command line. */
  readonly setCredentials: () => void;
  readonly close: () => Promise<void>;
}

/** Starts the broker, its Lambda, Secrets Manager and STS. */
export async function startDeployedBroker(): Promise<DeployedBroker> {
  const SecretPrefix = 'without-a-value/';
  const secretName = `${SecretPrefix}main`;
  const env = { FEGORA_ACCOUNTS: undefined, FEGORA_ACCOUNT_IDS: 'main', FEGORA_SECRET_PREFIX: SecretPrefix };
  const system = await startGatewaySystem({ accounts: ['main'], env });
  const { secrets } = system.servers;
  secrets.create(secretName);
  const everything = { ...system.callers.all, aliases: ['*'] };
  const aliases = ['http', 'warmup', 'admin', 'account-main'];
  const gateway = await startGateway({ handler: system.entryPoints.handler, callers: [everything], aliases });
  const identity = '<Arn>arn:aws:sts::111111111111:assumed-role/deploy/you</Arn>';
  const sts = await serve((_, response) => response.end(identity));
  return {
    outputs: { 'FegoraTokenBroker-dev': { Url: gateway.url, FunctionName: gateway.functionName, SecretPrefix } },
    variables: {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: everything.accessKeyId,
      AWS_SECRET_ACCESS_KEY: everything.secretAccessKey,
      AWS_ENDPOINT_URL_LAMBDA: gateway.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      AWS_ENDPOINT_URL_STS: sts.url,
    },
    user: 'user-main',
    password: passwordOf('main'),
    setCredentials: () => secrets.put(secretName, secretOf('main')),
    close: async () => {
      await Promise.all([gateway.close(), sts.close(), system.close()]);
    },
  };
}

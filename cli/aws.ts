// Region and AWS credentials of the command line, as the SDK finds them. Called by admin.ts, token.ts and credentials-set.ts.
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { proxyAgent } from '../client/proxy.ts';
import type { CredentialProvider } from '../client/signer.ts';
import { environment } from './environment.ts';
import type { Target } from './target.ts';

/**
 * Returns the SDK settings for the target's region and profile, and for a proxy. Without a profile the SDK uses its own
 * chain. The SDK hands `clientConfig` on to the clients that it gets keys with.
 */
export function awsConfig({ region, profile }: Target) {
  const httpsAgent = proxyAgent(environment);
  const proxied = httpsAgent && { requestHandler: { httpsAgent } };
  return {
    ...(region !== undefined && { region }),
    ...(profile !== undefined && { profile }),
    ...(proxied && { ...proxied, clientConfig: proxied }),
  };
}

/** Who calls AWS, and in which region. */
export interface AwsIdentity {
  /** @throws everything that the SDK throws */
  readonly region: () => Promise<string>;
  readonly credentials: CredentialProvider;
}

/** Returns what every client of the SDK would use. */
export function awsIdentity(target: Target): AwsIdentity {
  const { region, credentials } = new SecretsManagerClient(awsConfig(target)).config;
  return { region, credentials };
}

// Region and AWS credentials of the command line, as the SDK finds them. Called by the files that call AWS.
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { loadConfig, NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS } from '@smithy/core/config';
import { proxyAgent } from '../client/proxy.ts';
import type { CredentialProvider } from '../client/signer.ts';
import { environment } from './environment.ts';
import type { Target } from './target.ts';

/** Who calls AWS, and in which region. */
export interface AwsIdentity {
  /** @throws everything that the SDK throws */
  readonly region: () => Promise<string>;
  readonly credentials: CredentialProvider;
}

/**
 * Returns what every client of the SDK would use. Without a profile the SDK uses its own chain. The SDK hands `clientConfig`
 * on to the clients that it gets keys with, so these go through the proxy too.
 */
export function awsIdentity({ region: named, profile }: Target): AwsIdentity {
  const ofProfile = profile === undefined ? {} : { profile };
  const options = { ...NODE_REGION_CONFIG_FILE_OPTIONS, ...ofProfile };
  const region = named === undefined ? loadConfig(NODE_REGION_CONFIG_OPTIONS, options) : async () => named;
  const httpsAgent = proxyAgent(environment);
  const proxied = httpsAgent && { requestHandler: { httpsAgent } };
  const parentClientConfig = { ...ofProfile, ...proxied, region };
  const credentials = defaultProvider({ ...ofProfile, ...(proxied && { clientConfig: proxied }), parentClientConfig });
  return { region, credentials };
}

// Region and AWS credentials of the command line, as the SDK finds them. Called by the files that call AWS.
import { fromIni } from '@aws-sdk/credential-provider-ini';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { loadConfig, memoize, NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS } from '@smithy/core/config';
import { proxyAgent } from '../../client/proxy.ts';
import type { CredentialProvider } from '../../client/signer.ts';
import { environment, profileOfEnvironment } from '../environment.ts';
import { checkRegion, type Target } from '../target.ts';
import { describeKeysFailure } from './keys-failure.ts';
import { hasKeys } from './profile.ts';

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
export function awsIdentity(target: Target): AwsIdentity {
  const known = identities.get(target) ?? createIdentity(target);
  identities.set(target, known);
  return known;
}

/** An MFA code is good for one session, so each target has one provider. */
const identities = new WeakMap<Target, AwsIdentity>();

function createIdentity({ region: named, profile = profileOfEnvironment(), mfaCode }: Target): AwsIdentity {
  const ofProfile = profile === undefined ? {} : { profile };
  const options = { ...NODE_REGION_CONFIG_FILE_OPTIONS, ...ofProfile };
  const find = loadConfig(NODE_REGION_CONFIG_OPTIONS, options);
  const from = environment.AWS_REGION === undefined ? 'the region of the AWS profile' : 'AWS_REGION';
  const region = async () => named ?? checkRegion(await find(), from);
  const httpsAgent = proxyAgent(environment);
  const proxied = httpsAgent && { requestHandler: { httpsAgent } };
  const parentClientConfig = { ...ofProfile, ...proxied, region };
  const init = {
    ...ofProfile,
    ...(proxied && { clientConfig: proxied }),
    ...(mfaCode && { mfaCodeProvider: mfaCode }),
    parentClientConfig,
  };
  const fromChain = defaultProvider(init);
  const fromProfile = memoize(fromIni(init), isEnding, ({ expiration }) => expiration !== undefined);
  // The chain would go on to other keys after a profile whose keys fail, and would not tell why.
  const hasVariables = environment.AWS_ACCESS_KEY_ID && environment.AWS_SECRET_ACCESS_KEY;
  const used = profile ?? (hasVariables ? undefined : 'default');
  const keys = async () => (used !== undefined && (await hasKeys(used)) ? fromProfile() : fromChain());
  const credentials = () => keys().catch((thrown) => Promise.reject(describeKeysFailure(thrown, profile)));
  return { region, credentials };
}

/** Keys that end within five minutes are got anew, as the SDK's own chain does. */
function isEnding({ expiration }: { readonly expiration?: Date }): boolean {
  return expiration !== undefined && expiration.getTime() - Date.now() < 300_000;
}

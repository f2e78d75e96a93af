// Stores a value in the secret of an account. Called by credentials-set.ts and ../accounts/add.ts.
import { randomUUID } from 'node:crypto';
import { describePlace } from '../aws/place.ts';
import type { Secrets } from '../aws/secrets-client.ts';
import type { Output } from '../output/output.ts';

/** Stores the new value and returns the id of its version. */
export async function store(
  { secrets, output }: { readonly secrets: Secrets; readonly output: Output },
  { account, secretId }: { readonly account: string; readonly secretId: string },
  SecretString: string,
): Promise<string> {
  const put = { SecretId: secretId, SecretString, ClientRequestToken: randomUUID() };
  output.onInterrupt('it is not known whether the new value is stored');
  const { VersionId, ARN: arn } = await secrets.call('PutSecretValue', put);
  output.onInterrupt('the new value is stored, but perhaps not tried');
  const versionId = String(VersionId);
  output.show({ account, secret_id: secretId, version_id: versionId }, [`${account}: stored as version ${versionId}`]);
  output.note(describePlace('stored', arn, secrets.origin));
  return versionId;
}

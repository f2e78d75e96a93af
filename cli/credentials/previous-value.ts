// Offers to make the previous value of a secret the current one again. Called by credentials-set.ts after a refusal.

import type { Secrets } from '../aws/secrets-client.ts';
import type { Output } from '../output/output.ts';
import { isYes } from './yes.ts';

/** The version that Fegora refused. */
export interface RefusedVersion {
  readonly account: string;
  readonly secretId: string;
  readonly versionId: string;
}

const question = 'Put the previous value back? Only if Fegora still takes it, because the broker may send it. [y/N] ';

/**
 * Offers the previous value, if there is one and the refused version is still the current one. Without a terminal: prints
 * the AWS command for it.
 *
 * @throws what `Secrets.call` throws
 */
export async function offerPreviousValue(
  secrets: Secrets,
  output: Output,
  { account, secretId, versionId }: RefusedVersion,
): Promise<void> {
  const previous = await findPrevious(secrets, secretId, versionId);
  if (previous === undefined) {
    return;
  }
  if (!output.isInteractive) {
    const move = `--version-stage AWSCURRENT --move-to-version-id ${previous} --remove-from-version-id ${versionId}`;
    const advice = 'to put the previous value back, if Fegora still takes it:';
    output.note(`${advice}\n  aws secretsmanager update-secret-version-stage --secret-id ${secretId} ${move}`);
    return;
  }
  if (!isYes(await output.ask(question))) {
    return;
  }
  await secrets.call('UpdateSecretVersionStage', {
    SecretId: secretId,
    VersionStage: 'AWSCURRENT',
    MoveToVersionId: previous,
    RemoveFromVersionId: versionId,
  });
  output.show({ current_version_id: previous }, [
    `${account}: the previous value is the current one again (version ${previous})`,
  ]);
}

/** Returns the id of the previous version; undefined if there is none, or if another version is the current one by now. */
async function findPrevious(secrets: Secrets, SecretId: string, refused: string): Promise<string | undefined> {
  const { VersionIdsToStages: versions } = await secrets.call('DescribeSecret', { SecretId });
  const stages = Object.entries(typeof versions === 'object' ? (versions ?? {}) : {}).map(([id, of]) => ({
    id,
    of: [of].flat(),
  }));
  const isStillCurrent = stages.some(({ id, of }) => id === refused && of.includes('AWSCURRENT'));
  return isStillCurrent ? stages.find(({ of }) => of.includes('AWSPREVIOUS'))?.id : undefined;
}

// The operations of Secrets Manager that the emulator has. Called by server.ts.
import { type Input, invalid, named, requiredText, seconds, text, texts } from './input.ts';
import { described, listSecrets, setTags, tagResource } from './listing.ts';
import type { SecretsStore } from './store.ts';
import {
  chooseVersion,
  moveStage,
  putVersion,
  SecretsRefusal,
  type SecretValue,
  type StoredVersion,
} from './versions.ts';

/** Runs one operation: takes the members of its input, returns its output. @throws SecretsRefusal */
export type Operation = (store: SecretsStore, input: Input) => object;

/** Secrets Manager deletes a secret 30 days after the request by default. */
const recoveryMs = 30 * 24 * 3_600_000;

/**
 * The operations by their names in `X-Amz-Target`.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html
 */
export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['GetSecretValue', getSecretValue],
  ['PutSecretValue', putSecretValue],
  ['DescribeSecret', describeSecret],
  ['UpdateSecretVersionStage', updateSecretVersionStage],
  ['CreateSecret', createSecret],
  ['DeleteSecret', deleteSecret],
  ['RestoreSecret', restoreSecret],
  ['ListSecrets', listSecrets],
  ['TagResource', tagResource],
  ['PutResourcePolicy', putResourcePolicy],
]);

function getSecretValue(store: SecretsStore, input: Input): object {
  const secret = store.findLive(requiredText(input, 'SecretId'));
  const choice = { versionId: text(input, 'VersionId'), stage: text(input, 'VersionStage') };
  const version = chooseVersion(secret.versions, choice);
  return { ...named(secret), ...valued(version), CreatedDate: seconds(version.createdAt) };
}

function putSecretValue(store: SecretsStore, input: Input): object {
  const secret = store.findLive(requiredText(input, 'SecretId'));
  const stages = texts(input, 'VersionStages');
  const version = putVersion(secret.versions, value(input), { token: requestToken(input), stages });
  return { ...named(secret), VersionId: version.id, VersionStages: [...version.stages] };
}

function describeSecret(store: SecretsStore, input: Input): object {
  const secret = store.find(requiredText(input, 'SecretId'));
  const labelled = [...secret.versions.values()].filter(({ stages }) => stages.size > 0);
  return {
    ...named(secret),
    CreatedDate: seconds(secret.createdAt),
    VersionIdsToStages: Object.fromEntries(labelled.map(({ id, stages }) => [id, [...stages]])),
    ...described(secret),
  };
}

function updateSecretVersionStage(store: SecretsStore, input: Input): object {
  const secret = store.findLive(requiredText(input, 'SecretId'));
  const to = chooseVersion(secret.versions, { versionId: requiredText(input, 'MoveToVersionId') });
  moveStage(secret.versions, requiredText(input, 'VersionStage'), to);
  return named(secret);
}

function createSecret(store: SecretsStore, input: Input): object {
  const name = requiredText(input, 'Name');
  refuseReuse(store, name);
  const secret = store.create(name);
  setTags(secret, input);
  if (!input.has('SecretString') && !input.has('SecretBinary')) {
    return named(secret);
  }
  const version = putVersion(secret.versions, value(input), { token: requestToken(input) });
  return { ...named(secret), VersionId: version.id };
}

function deleteSecret(store: SecretsStore, input: Input): object {
  const secret = store.findLive(requiredText(input, 'SecretId'));
  secret.deletedAt = Date.now();
  return { ...named(secret), DeletionDate: seconds(secret.deletedAt + recoveryMs) };
}

/** A name is free again only once its secret is gone. */
function refuseReuse(store: SecretsStore, name: string): void {
  if (store.all().some((secret) => secret.name === name && secret.deletedAt !== undefined)) {
    const message = "You can't create this secret because a secret with this name is already scheduled for deletion.";
    throw new SecretsRefusal('InvalidRequestException', message);
  }
}

function restoreSecret(store: SecretsStore, input: Input): object {
  const secret = store.find(requiredText(input, 'SecretId'));
  secret.deletedAt = undefined;
  return named(secret);
}

function putResourcePolicy(store: SecretsStore, input: Input): object {
  const secret = store.findLive(requiredText(input, 'SecretId'));
  secret.policy = requiredText(input, 'ResourcePolicy');
  return named(secret);
}

function valued(version: StoredVersion): object {
  const shown =
    typeof version.value === 'string'
      ? { SecretString: version.value }
      : { SecretBinary: Buffer.from(version.value).toString('base64') };
  return { VersionId: version.id, VersionStages: [...version.stages], ...shown };
}

function value(input: Input): SecretValue {
  const string = text(input, 'SecretString');
  const binary = text(input, 'SecretBinary');
  if ((string === undefined) === (binary === undefined)) {
    throw new SecretsRefusal('InvalidRequestException', 'You must provide either SecretString or SecretBinary.');
  }
  const given = string ?? Buffer.from(binary ?? '', 'base64');
  if (Buffer.byteLength(given) > 65_536) {
    throw invalid('The secret value is longer than 65536 bytes.');
  }
  return given;
}

function requestToken(input: Input): string | undefined {
  const token = text(input, 'ClientRequestToken');
  if (token !== undefined && (token.length < 32 || token.length > 64)) {
    throw invalid('ClientRequestToken must be 32-64 characters long.');
  }
  return token;
}

import { randomUUID } from 'node:crypto';

/** A refusal as Secrets Manager words it. */
export class SecretsRefusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** A text, or the bytes of a binary secret. */
export type SecretValue = string | Uint8Array;

/** One version of a secret. */
export interface StoredVersion {
  readonly id: string;
  readonly value: SecretValue;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly stages: Set<string>;
}

/** The versions of one secret, by id. */
export type StoredVersions = Map<string, StoredVersion>;

/** Which version is meant: AWSCURRENT where nothing is said. */
export interface VersionChoice {
  readonly versionId?: string | undefined;
  readonly stage?: string | undefined;
}

/** How a version is put. */
export interface PutOptions {
  /** Becomes the version's id, and makes a repeated request harmless. */
  readonly token?: string | undefined;
  /** AWSCURRENT where nothing is said. */
  readonly stages?: readonly string[] | undefined;
}

const current = 'AWSCURRENT';
const previous = 'AWSPREVIOUS';

/** PutSecretValue. The first version is current whatever was asked. */
export function putVersion(versions: StoredVersions, value: SecretValue, options: PutOptions = {}): StoredVersion {
  const known = options.token === undefined ? undefined : versions.get(options.token);
  if (known !== undefined) {
    return repeated(known, value);
  }
  const stages = new Set(options.stages ?? [current]);
  if (versions.size === 0) {
    stages.add(current);
  }
  const version = { id: options.token ?? randomUUID(), value, createdAt: Date.now(), stages: new Set<string>() };
  versions.set(version.id, version);
  for (const stage of stages) {
    moveStage(versions, stage, version);
  }
  return version;
}

/** GetSecretValue. */
export function chooseVersion(versions: StoredVersions, { versionId, stage }: VersionChoice = {}): StoredVersion {
  if (versionId === undefined) {
    const label = stage ?? current;
    return holderOf(versions, label) ?? notFound(`staging label: ${label}`);
  }
  const version = versions.get(versionId) ?? notFound(`VersionId: ${versionId}`);
  if (stage !== undefined && !version.stages.has(stage)) {
    const because = 'You provided a VersionStage that is not associated to the provided VersionId.';
    throw new SecretsRefusal('InvalidRequestException', because);
  }
  return version;
}

/** UpdateSecretVersionStage. A stage is on one version at a time; where AWSCURRENT leaves, AWSPREVIOUS comes. */
export function moveStage(versions: StoredVersions, stage: string, to: StoredVersion): void {
  const from = holderOf(versions, stage);
  if (from === to) {
    return;
  }
  from?.stages.delete(stage);
  to.stages.add(stage);
  if (stage === current && from !== undefined) {
    moveStage(versions, previous, from);
  }
}

/** The same token with the same value is a repeated request; with another it is a mistake. */
function repeated(known: StoredVersion, value: SecretValue): StoredVersion {
  if (Buffer.from(known.value).equals(Buffer.from(value))) {
    return known;
  }
  const because = `a version with the token ${known.id} already exists with a different value.`;
  throw new SecretsRefusal('ResourceExistsException', `The operation failed because ${because}`);
}

function holderOf(versions: StoredVersions, stage: string): StoredVersion | undefined {
  return [...versions.values()].find(({ stages }) => stages.has(stage));
}

function notFound(what: string): never {
  const message = `Secrets Manager can't find the specified secret value for ${what}`;
  throw new SecretsRefusal('ResourceNotFoundException', message);
}

// The versions and staging labels of one secret. Called by operations.ts, store.ts and server.ts.
import { randomUUID } from 'node:crypto';

/** A refusal with the code and message of Secrets Manager. */
export class SecretsRefusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The text of a secret, or its bytes if it is binary. */
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

/** Selects a version. @default AWSCURRENT */
export interface VersionChoice {
  readonly versionId?: string | undefined;
  readonly stage?: string | undefined;
}

/** How a new version is stored. */
export interface PutOptions {
  /** Becomes the id of the version. A request that is repeated with the same token does nothing. */
  readonly token?: string | undefined;
  /** Labels of the new version. @default AWSCURRENT */
  readonly stages?: readonly string[] | undefined;
}

const current = 'AWSCURRENT';
const previous = 'AWSPREVIOUS';

/**
 * PutSecretValue: stores a new version. The first version always gets AWSCURRENT.
 *
 * @throws SecretsRefusal if another version has the same token
 */
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

/** GetSecretValue: returns the selected version. @throws SecretsRefusal if there is none */
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

/**
 * UpdateSecretVersionStage: moves a label. Only one version has a label at a time. The version that loses AWSCURRENT
 * gets AWSPREVIOUS.
 */
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

/** The same token with the same value is a repeated request. With another value it is an error. */
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

// The secrets of the emulator, by name and ARN. Used by server.ts and operations.ts.
import { randomUUID } from 'node:crypto';
import { SecretsRefusal, type StoredVersions } from './versions.ts';

/** A secret and all its versions. */
export interface StoredSecret {
  readonly name: string;
  readonly arn: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly versions: StoredVersions;
  /** Values by key. */
  readonly tags: Map<string, string>;
  /** JSON, as PutResourcePolicy sent it. */
  policy?: string;
  /** When DeleteSecret was called. Absent before. Epoch milliseconds. */
  deletedAt?: number | undefined;
}

/** The secrets of one AWS account and region. All functions throw SecretsRefusal. */
export interface SecretsStore {
  /** Creates a secret without a value, as CloudFormation does. */
  readonly create: (name: string) => StoredSecret;
  /** Finds a secret by name, by ARN, or by ARN without its random end. */
  readonly find: (id: string) => StoredSecret;
  /** The same, but refuses a secret that is pending deletion. */
  readonly findLive: (id: string) => StoredSecret;
  /** All secrets, the oldest first. */
  readonly all: () => readonly StoredSecret[];
}

/**
 * Creates an empty store.
 *
 * @param arnPrefix the start of every ARN, `secret:` included
 */
export function createSecretsStore(arnPrefix: string): SecretsStore {
  const secrets = new Map<string, StoredSecret>();
  return { create, find, findLive, all: () => [...secrets.values()] };

  function create(name: string): StoredSecret {
    if (secrets.has(name)) {
      const message = `The operation failed because the secret ${name} already exists.`;
      throw new SecretsRefusal('ResourceExistsException', message);
    }
    const arn = `${arnPrefix}${name}-${randomUUID().slice(0, 6)}`;
    const secret = { name, arn, createdAt: Date.now(), versions: new Map(), tags: new Map() };
    secrets.set(name, secret);
    return secret;
  }

  function find(id: string): StoredSecret {
    const isMeant = ({ arn, name }: StoredSecret) => id === arn || id === `${arnPrefix}${name}`;
    const secret = secrets.get(id) ?? [...secrets.values()].find(isMeant);
    if (secret === undefined) {
      throw new SecretsRefusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    return secret;
  }

  function findLive(id: string): StoredSecret {
    const secret = find(id);
    if (secret.deletedAt !== undefined) {
      const message = "You can't perform this operation on the secret because it was marked for deletion.";
      throw new SecretsRefusal('InvalidRequestException', message);
    }
    return secret;
  }
}

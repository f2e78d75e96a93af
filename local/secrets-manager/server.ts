// Starts the emulator of Secrets Manager. Called by services.ts, bench/servers.ts and the tests.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type LoopbackServer, listenGuarded, readBody } from '../loopback.ts';
import { createSecretsFaults, faultRefusals, type SecretsFault, type SecretsFaults } from './faults.ts';
import type { Input } from './input.ts';
import { operations } from './operations.ts';
import { inputOf, operationOf, send } from './protocol.ts';
import { createSecretsStore, type SecretsStore, type StoredSecret } from './store.ts';
import { putVersion, SecretsRefusal, type SecretValue } from './versions.ts';

/** An emulator of Secrets Manager for any SDK: it has the protocol AWS JSON 1.1. It does not check signatures. */
export interface SecretsManager extends LoopbackServer, Pick<SecretsFaults, 'breakWith' | 'clearFault'> {
  /** Creates a secret, with a value if one is given. Returns the ARN. */
  readonly create: (name: string, value?: SecretValue) => string;
  /** Stores a new current version. Returns its VersionId. */
  readonly put: (secretId: string, value: SecretValue) => string;
  /** Marks a secret for deletion. */
  readonly remove: (secretId: string) => void;
  /** Gives a secret a tag. */
  readonly tag: (secretId: string, key: string, value: string) => void;
  /** The resource policy of a secret, JSON. */
  readonly policyOf: (secretId: string) => string | undefined;
  /** The number of requests for an operation so far. */
  readonly calls: (operation: string) => number;
}

/** How the emulator starts. */
export interface SecretsManagerOptions {
  readonly port?: number;
  readonly region?: string;
  /** How long each answer takes. Milliseconds. @default 0 */
  readonly latencyMs?: number;
  /**
   * Which secrets GetSecretValue may read, as the policy of a role says. Others are refused as those that do not exist: IAM does not
   * tell them apart if a right needs a tag. @default all
   */
  readonly mayRead?: (secret: Pick<StoredSecret, 'name' | 'tags'>) => boolean;
}

const longestBody = 1_048_576;

/** Starts the emulator on the loopback interface. */
export async function startSecretsManager(options: SecretsManagerOptions = {}): Promise<SecretsManager> {
  const { port, region = 'us-east-1', latencyMs = 0, mayRead } = options;
  const store = createSecretsStore(`arn:aws:secretsmanager:${region}:000000000000:secret:`);
  const { take, ...faults } = createSecretsFaults();
  const counts = new Map<string, number>();

  const respond = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((error: Error) => response.destroy(error));
  };
  const server = await listenGuarded(createServer(respond), port);
  return { ...server, ...faults, ...storeFunctions(store), calls: (operation) => counts.get(operation) ?? 0 };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const operation = operationOf(request);
    const count = (counts.get(operation) ?? 0) + 1;
    counts.set(operation, count);
    const fault = take();
    const body = await readBody(request, longestBody);
    await new Promise((resolve) => setTimeout(resolve, latencyMs));
    if (fault !== 'hanging') {
      send(
        response,
        resultOf(() => perform(store, { operation, body, fault, count, mayRead })),
        fault === 'cut',
      );
    }
  }
}

/** The functions that change the store without a request. */
function storeFunctions(store: SecretsStore): Pick<SecretsManager, 'create' | 'put' | 'remove' | 'tag' | 'policyOf'> {
  return {
    create: (name, value) => {
      const secret = store.create(name);
      if (value !== undefined) {
        putVersion(secret.versions, value);
      }
      return secret.arn;
    },
    put: (secretId, value) => putVersion(store.findLive(secretId).versions, value).id,
    remove: (secretId) => {
      store.findLive(secretId).deletedAt = Date.now();
    },
    tag: (secretId, key, value) => void store.findLive(secretId).tags.set(key, value),
    policyOf: (secretId) => store.find(secretId).policy,
  };
}

interface OperationRequest {
  readonly operation: string;
  readonly body: Buffer | undefined;
  readonly fault: SecretsFault | undefined;
  /** The number of this request among those for the same operation, from 1. */
  readonly count: number;
  readonly mayRead: SecretsManagerOptions['mayRead'];
}

function perform(store: SecretsStore, { operation, body, fault, count, mayRead }: OperationRequest): object {
  const run = operations.get(operation);
  const refusal = faultRefusals.get(fault);
  if (run === undefined || refusal !== undefined) {
    throw refusal ?? new SecretsRefusal('UnknownOperationException', `Unknown operation ${operation}.`);
  }
  const input = inputOf(body);
  if (operation === 'GetSecretValue' && mayRead !== undefined && !isReadable(store, input, mayRead)) {
    throw notAllowed;
  }
  const flapping = fault === 'flapping' && operation === 'GetSecretValue';
  return run(store, flapping ? new Map([...input, ['VersionStage', flapTo(count)]]) : input);
}

const notAllowed = new SecretsRefusal(
  'AccessDeniedException',
  'User is not authorized to perform: secretsmanager:GetSecretValue because no identity-based policy allows the secretsmanager:GetSecretValue action',
);

function isReadable(
  store: SecretsStore,
  input: Input,
  mayRead: NonNullable<SecretsManagerOptions['mayRead']>,
): boolean {
  const id = input.get('SecretId');
  const secret = store.all().find(({ arn, name }) => id === arn || id === name);
  return secret !== undefined && mayRead(secret);
}

function flapTo(count: number): string {
  return count % 2 === 1 ? 'AWSCURRENT' : 'AWSPREVIOUS';
}

function resultOf(performed: () => object): object {
  try {
    return performed();
  } catch (error) {
    if (error instanceof SecretsRefusal) {
      return error;
    }
    throw error;
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type LoopbackServer, readBody, serve } from '../loopback.ts';
import { createSecretsFaults, faultRefusals, type SecretsFault, type SecretsFaults } from './faults.ts';
import { operations } from './operations.ts';
import { inputOf, operationOf, send } from './protocol.ts';
import { createSecretsStore, type SecretsStore } from './store.ts';
import { putVersion, SecretsRefusal, type SecretValue } from './versions.ts';

/** An emulator of Secrets Manager that speaks its protocol, AWS JSON 1.1, to any SDK. It checks no signature. */
export interface SecretsManager extends LoopbackServer, Pick<SecretsFaults, 'breakWith' | 'clearFault'> {
  /** Makes a secret, without a value unless one is given. The ARN. */
  readonly create: (name: string, value?: SecretValue) => string;
  /** Puts a new current version. Its VersionId. */
  readonly put: (secretId: string, value: SecretValue) => string;
  /** Marks a secret for deletion. */
  readonly remove: (secretId: string) => void;
  /** How many requests for an operation arrived. */
  readonly calls: (operation: string) => number;
}

/** How the emulator starts. */
export interface SecretsManagerOptions {
  readonly port?: number;
  readonly region?: string;
  /** How long each answer takes. Milliseconds. */
  readonly latencyMs?: number;
}

const longestBody = 1_048_576;

/** Starts the emulator on the loopback interface. */
export async function startSecretsManager(options: SecretsManagerOptions = {}): Promise<SecretsManager> {
  const { port, region = 'us-east-1', latencyMs = 0 } = options;
  const store = createSecretsStore(`arn:aws:secretsmanager:${region}:000000000000:secret:`);
  const { take, ...faults } = createSecretsFaults();
  const counts = new Map<string, number>();

  const server = await serve((request, response) => {
    answer(request, response).catch((error: Error) => response.destroy(error));
  }, port);
  return { ...server, ...faults, ...handles(store), calls: (operation) => counts.get(operation) ?? 0 };

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
        outcomeOf(() => perform(store, { operation, body, fault, count })),
        fault === 'cut',
      );
    }
  }
}

/** What a test or the local run does past the protocol. */
function handles(store: SecretsStore): Pick<SecretsManager, 'create' | 'put' | 'remove'> {
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
  };
}

interface Call {
  readonly operation: string;
  readonly body: Buffer | undefined;
  readonly fault: SecretsFault | undefined;
  /** Which call of its operation it is, from 1. */
  readonly count: number;
}

function perform(store: SecretsStore, { operation, body, fault, count }: Call): object {
  const run = operations.get(operation);
  const refusal = faultRefusals.get(fault);
  if (run === undefined || refusal !== undefined) {
    throw refusal ?? new SecretsRefusal('UnknownOperationException', `Unknown operation ${operation}.`);
  }
  const input = inputOf(body);
  const flapping = fault === 'flapping' && operation === 'GetSecretValue';
  return run(store, flapping ? new Map([...input, ['VersionStage', flapTo(count)]]) : input);
}

function flapTo(count: number): string {
  return count % 2 === 1 ? 'AWSCURRENT' : 'AWSPREVIOUS';
}

function outcomeOf(performed: () => object): object {
  try {
    return performed();
  } catch (error) {
    if (error instanceof SecretsRefusal) {
      return error;
    }
    throw error;
  }
}

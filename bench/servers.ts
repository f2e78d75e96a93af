// Starts Fegora, Secrets Manager and the table for all contestants. Called by main.ts.
import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { type FegoraSimulator, startFegoraSimulator } from '../local/fegora/simulator.ts';
import { listen } from '../local/loopback.ts';
import { startSecretsManager } from '../local/secrets-manager/server.ts';
import { ensureTable } from '../local/table.ts';
import { createDistance } from './distance.ts';

/** The servers that all contestants call. */
export interface Servers {
  readonly fegora: FegoraSimulator;
  /** Adds a Fegora user and a secret for a contestant. Returns the contestant's environment variables. */
  readonly env: (contestant: string) => Readonly<Record<string, string>>;
  /** Deletes the broker's item from the table. */
  readonly deleteItem: () => Promise<void>;
  /** The number of reads of the table so far. */
  readonly tableReads: () => number;
  /** Sets how far the clocks of Fegora and of the table are ahead of the system's clock. Milliseconds. */
  readonly shift: (ms: number) => void;
  readonly close: () => Promise<void>;
}

/** Milliseconds, each way together. 0 stands for plain HTTP on loopback. */
export interface RoundTrips {
  readonly fegora: number;
  /** Of Secrets Manager and DynamoDB. */
  readonly aws: number;
}

const secretsLatencyMs = 5;
const loginLatencyMs = 20;
const tableName = 'tokens';
const account = 'bench';

/** The Fegora user of a contestant. */
export function usernameOf(contestant: string): string {
  return `user-of-${contestant}`;
}

/**
 * Starts the servers on loopback.
 *
 * @param roundTrips servers whose round trip is not 0 have TLS
 */
export async function startServers(roundTrips: RoundTrips): Promise<Servers> {
  let shiftedMs = 0;
  const now = () => Date.now() + shiftedMs;
  const fegora = await startFegoraSimulator({ delayMs: loginLatencyMs, now });
  const secrets = await startSecretsManager({ latencyMs: secretsLatencyMs });
  const table = await startTable(now);
  const distance = roundTrips.fegora + roundTrips.aws > 0 ? await createDistance() : undefined;
  const at = async (url: string, roundTripMs: number) =>
    distance !== undefined && roundTripMs > 0 ? await distance.reach(url, roundTripMs) : url;
  const urls = {
    fegora: await at(fegora.url, roundTrips.fegora),
    secrets: await at(secrets.url, roundTrips.aws),
    table: await at(table.url, roundTrips.aws),
  };
  const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
  const dynamo = new DynamoDBClient({ endpoint: table.url, region: 'us-east-1', credentials });

  return {
    fegora,
    env: (contestant) => {
      const username = usernameOf(contestant);
      const password = `not-a-real-password-of-${contestant}`;
      const secretId = `fegora/${contestant}`;
      fegora.setPassword(username, password);
      secrets.create(secretId, JSON.stringify({ username, password }));
      return {
        SECRET_ID: secretId,
        FEGORA_TOKEN_URL: urls.fegora,
        FEGORA_ALLOW_HTTP_LOOPBACK: '1',
        FEGORA_ACCOUNTS: JSON.stringify({ [account]: secretId }),
        FEGORA_DEFAULT_ACCOUNT: account,
        TOKEN_TABLE_NAME: tableName,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: urls.secrets,
        AWS_ENDPOINT_URL_DYNAMODB: urls.table,
        ...distance?.env,
      };
    },
    deleteItem: async () => {
      await dynamo.send(new DeleteItemCommand({ TableName: tableName, Key: { account: { S: account } } }));
    },
    tableReads: table.reads,
    shift: (ms) => {
      shiftedMs = ms;
    },
    close: async () => {
      dynamo.destroy();
      await Promise.all([distance?.close(), fegora.close(), secrets.close(), table.close()]);
    },
  };
}

/** Starts an embedded DynamoDB. The `Date` header of its answers has the time of `now`. */
async function startTable(now: () => number) {
  let reads = 0;
  const server = dynalite({ createTableMs: 0 });
  server.prependListener('request', ({ headers }, response) => {
    response.setHeader('Date', new Date(now()).toUTCString());
    reads += String(headers['x-amz-target']).endsWith('.GetItem') ? 1 : 0;
  });
  const listening = await listen(server);
  await ensureTable(listening.url, tableName);
  return { ...listening, reads: () => reads };
}

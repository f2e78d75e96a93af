import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type FegoraSimulator, startFegoraSimulator } from '../local/fegora-simulator.ts';
import { type SecretsManager, startSecretsManager } from '../local/secrets-manager.ts';
import { startTable } from '../local/table.ts';

/** What all contestants talk to. */
export interface World {
  readonly fegora: FegoraSimulator;
  readonly secrets: SecretsManager;
  /** Environment variables of a contestant; each has a user of its own at Fegora, and a secret. */
  readonly env: (contestant: string) => Readonly<Record<string, string>>;
  /** Removes the broker's item. */
  readonly forget: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const secretsLatencyMs = 5;
const loginLatencyMs = 20;
const tableName = 'tokens';
const account = 'bench';

export async function startWorld(): Promise<World> {
  const fegora = await startFegoraSimulator({ delayMs: loginLatencyMs });
  const secrets = await startSecretsManager({ latencyMs: secretsLatencyMs });
  const table = await startTable(tableName);
  const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
  const dynamo = new DynamoDBClient({ endpoint: table.url, region: 'us-east-1', credentials });

  return {
    fegora,
    secrets,
    env: (contestant) => {
      const username = `user-of-${contestant}`;
      const password = `not-a-real-password-of-${contestant}`;
      const secretId = `fegora/${contestant}`;
      fegora.setPassword(username, password);
      secrets.create(secretId, JSON.stringify({ username, password }));
      return {
        SECRET_ID: secretId,
        FEGORA_TOKEN_URL: fegora.url,
        FEGORA_ALLOW_HTTP_LOOPBACK: '1',
        FEGORA_ACCOUNTS: JSON.stringify({ [account]: secretId }),
        FEGORA_DEFAULT_ACCOUNT: account,
        TOKEN_TABLE_NAME: tableName,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
        AWS_ENDPOINT_URL_DYNAMODB: table.url,
      };
    },
    forget: async () => {
      await dynamo.send(new DeleteItemCommand({ TableName: tableName, Key: { account: { S: account } } }));
    },
    close: async () => {
      dynamo.destroy();
      await Promise.all([fegora.close(), secrets.close(), table.close()]);
    },
  };
}

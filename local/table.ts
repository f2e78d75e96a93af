// Starts an embedded DynamoDB and creates the token table. Called by services.ts, by bench and by the tests.
import { Server } from 'node:http';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  ResourceNotFoundException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { dueIndex } from '../lambda/aws/due/due-index.ts';
import { type LoopbackServer, listenGuarded } from './loopback.ts';

/** Starts an embedded DynamoDB with an empty token table. It keeps its data in memory. */
export async function startTable(tableName: string): Promise<LoopbackServer> {
  const dynamo = dynalite({ createTableMs: 0 });
  // Dynalite's own `close` closes the database too. A request that is still under way would then end the process.
  dynamo.close = Server.prototype.close;
  const server = await listenGuarded(dynamo);
  await ensureTable(server.url, tableName);
  return server;
}

/** Creates the table if it does not exist: partition key `account`, the index of what is due, on-demand billing, as in the stack. */
export async function ensureTable(endpoint: string, tableName: string, region = 'us-east-1'): Promise<void> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
  const client = new DynamoDBClient({ endpoint, region, credentials });
  try {
    await client.send(new DescribeTableCommand({ TableName: tableName }));
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) {
      throw error;
    }
    await createTable(client, tableName);
  } finally {
    client.destroy();
  }
}

async function createTable(client: DynamoDBClient, tableName: string): Promise<void> {
  const table: CreateTableCommandInput = {
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'account', AttributeType: 'S' },
      { AttributeName: 'due_shard', AttributeType: 'S' },
      { AttributeName: 'due_at', AttributeType: 'N' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: dueIndex,
        KeySchema: [
          { AttributeName: 'due_shard', KeyType: 'HASH' },
          { AttributeName: 'due_at', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
    KeySchema: [{ AttributeName: 'account', KeyType: 'HASH' }],
  };
  try {
    await client.send(new CreateTableCommand(table));
  } catch (error) {
    // Another process may have created it in the meantime.
    if (!(error instanceof ResourceInUseException)) {
      throw error;
    }
  }
  // The embedded table is ready some milliseconds after its creation. Delays are in seconds.
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 0.02, maxDelay: 1 }, { TableName: tableName });
}

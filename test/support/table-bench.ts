import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createCallDynamo } from '../../lambda/aws/dynamodb.ts';
import { type CallDynamo, createTokenTable } from '../../lambda/aws/token-table.ts';
import type { Observation, TokenTable } from '../../lambda/broker/ports.ts';
import { type LossyProxy, startLossyProxy } from './lossy-proxy.ts';
import { createMemoryDynamo } from './memory-dynamo.ts';

export type Attribute = { S: string } | { N: string } | { BOOL: boolean } | { SS: string[] };
export type Row = Record<string, Attribute>;

/** A token table to hold to its contract, and ways past the adapter. */
export interface TableBench {
  readonly table: TokenTable;
  readonly observations: readonly Observation[];
  /** The item as it is stored. */
  readonly row: (account: string) => Promise<Row | undefined>;
  readonly put: (account: string, row: Row) => Promise<void>;
  /** Loses requests, or answers to them, from now on. */
  readonly lose: (lose: LossyProxy['lose']) => void;
}

const tableName = 'tokens';
const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };

export function benchInMemory(now: () => number): TableBench {
  const { call, rows } = createMemoryDynamo(now);
  let loss: LossyProxy['lose'] = () => undefined;
  const lossy: CallDynamo = async (operation, input, signal) => {
    signal.throwIfAborted();
    const lost = loss(operation);
    const answer = lost === 'request' ? undefined : await call(operation, input, signal);
    if (answer === undefined || lost !== undefined) {
      throw Object.assign(new Error('no answer'), { name: 'TimeoutError' });
    }
    return answer;
  };
  return {
    ...observedTable(lossy),
    row: async (account) => {
      const row = rows.get(account);
      return row === undefined ? undefined : asRow(row);
    },
    put: async (account, row) => {
      rows.set(account, { account: { S: account }, ...row });
    },
    lose: (next) => {
      loss = next;
    },
  };
}

/** Over HTTP to the embedded DynamoDB, through a proxy that really drops connections. Closed with the test. */
export async function benchOverHttp(endpoint: string): Promise<TableBench> {
  const proxy = await startLossyProxy(endpoint);
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint, credentials });
  return {
    ...observedTable(createCallDynamo({ region: 'us-east-1', endpoint: proxy.url, keys: () => credentials })),
    row: async (account) => {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: { account: { S: account } }, ConsistentRead: true }),
      );
      return Item === undefined ? undefined : asRow(Item);
    },
    put: async (account, row) => {
      await client.send(new PutItemCommand({ TableName: tableName, Item: { account: { S: account }, ...row } }));
    },
    lose: (next) => {
      proxy.lose = next;
    },
  };
}

function observedTable(call: CallDynamo): Pick<TableBench, 'table' | 'observations'> {
  const observations: Observation[] = [];
  return { table: createTokenTable(call, tableName, (observation) => observations.push(observation)), observations };
}

/** Only the kinds of attribute that the item uses, for both worlds alike. */
function asRow(item: Readonly<Record<string, unknown>>): Row {
  return JSON.parse(JSON.stringify(item));
}

// Runs the token table against DynamoDB in memory or over HTTP. Used by token-table.test.ts.
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { CallDynamo } from '../../lambda/aws/call-dynamo.ts';
import { createCallDynamo } from '../../lambda/aws/dynamodb.ts';
import { createTokenTable } from '../../lambda/aws/token-table.ts';
import type { Observation, TokenTable } from '../../lambda/broker/ports.ts';
import { type LossyProxy, startLossyProxy } from './lossy-proxy.ts';
import { createMemoryDynamo } from './memory-dynamo.ts';
import { realTime } from './skipping-clock.ts';

export type Attribute = { S: string } | { N: string } | { BOOL: boolean } | { SS: string[] };
export type Row = Record<string, Attribute>;

/** A token table under test, and access to the stored rows without the table's own code. */
export interface TableHarness {
  readonly table: TokenTable;
  readonly observations: readonly Observation[];
  /** The item as it is stored. */
  readonly row: (account: string) => Promise<Row | undefined>;
  readonly put: (account: string, row: Row) => Promise<void>;
  /** From now on, requests or their answers are lost as `lossOf` says. */
  readonly setLoss: (lossOf: LossyProxy['lossOf']) => void;
}

const tableName = 'tokens';
const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };

/** The table on DynamoDB in memory. `now` is epoch milliseconds. */
export function harnessInMemory(now: () => number): TableHarness {
  const { call, rows } = createMemoryDynamo(now);
  let lossOf: LossyProxy['lossOf'] = () => undefined;
  const lossy: CallDynamo = async (operation, input, signal) => {
    signal.throwIfAborted();
    const lost = lossOf(operation);
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
    setLoss: (next) => {
      lossOf = next;
    },
  };
}

/**
 * The table over HTTP on the embedded DynamoDB, through a proxy that closes connections. The proxy ends with the test.
 */
export async function harnessOverHttp(endpoint: string): Promise<TableHarness> {
  const proxy = await startLossyProxy(endpoint);
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint, credentials });
  return {
    ...observedTable(createCallDynamo({ region: 'us-east-1', endpoint: proxy.url, keys: () => credentials }, realTime)),
    row: async (account) => {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: { account: { S: account } }, ConsistentRead: true }),
      );
      return Item === undefined ? undefined : asRow(Item);
    },
    put: async (account, row) => {
      await client.send(new PutItemCommand({ TableName: tableName, Item: { account: { S: account }, ...row } }));
    },
    setLoss: (next) => {
      proxy.lossOf = next;
    },
  };
}

function observedTable(call: CallDynamo): Pick<TableHarness, 'table' | 'observations'> {
  const observations: Observation[] = [];
  return { table: createTokenTable(call, tableName, (observation) => observations.push(observation)), observations };
}

/** The item as plain JSON, so that both harnesses return the same. The item has only attributes that JSON can hold. */
function asRow(item: Readonly<Record<string, unknown>>): Row {
  return JSON.parse(JSON.stringify(item));
}

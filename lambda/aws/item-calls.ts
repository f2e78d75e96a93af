// Reads and updates one item of the table, and says how a call failed. Called by token-table.ts.
import { BrokerError } from '../errors.ts';
import { type CallDynamo, DynamoFault, isThrottled } from './call-dynamo.ts';
import type { ResetUpdate } from './item-reset.ts';
import type { Update } from './update-expressions.ts';

/** Reads and updates one item. */
export type ItemCalls = ReturnType<typeof createItemCalls>;

/**
 * Reads and updates one item. All throw DynamoDB's error where a condition was not met, or else a BrokerError. `updateOnce`
 * throws DynamoDB's error also where it was throttled.
 */
export function createItemCalls(call: CallDynamo, tableName: string) {
  return {
    get: async (key: string, signal: AbortSignal) => {
      const { output, ...times } = await answered('GetItem', { ...keyOf(key), ConsistentRead: true }, signal);
      const hasItem = typeof output === 'object' && output !== null && 'Item' in output;
      return { record: hasItem ? output.Item : undefined, ...times };
    },
    update: async (key: string, change: Update | ResetUpdate, signal: AbortSignal): Promise<void> => {
      await answered('UpdateItem', { ...keyOf(key), ...change }, signal);
    },
    updateOnce: async (key: string, change: Update | ResetUpdate, signal: AbortSignal): Promise<void> => {
      await answered('UpdateItem', { ...keyOf(key), ...change }, signal, true);
    },
  };

  async function answered(...[operation, input, signal, isOnce = false]: Parameters<CallDynamo>) {
    try {
      return await call(operation, { TableName: tableName, ...input }, signal, isOnce);
    } catch (thrown) {
      throw isRefusal(thrown) || (isOnce && isThrottled(thrown)) ? thrown : unanswered(thrown);
    }
  }
}

function keyOf(key: string) {
  return { Key: { account: { S: key } } };
}

/** The record that did not meet the condition. */
export function refusedRecord(thrown: unknown): unknown {
  return thrown instanceof DynamoFault && isRefusal(thrown) ? thrown.record : undefined;
}

/** Whether an update did not meet its condition. */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'ConditionalCheckFailedException';
}

/** What the core gets to know of a call that failed. */
export function unanswered(thrown: unknown): BrokerError {
  const name = thrown instanceof Error && /^\w{1,64}$/.test(thrown.name) ? thrown.name : 'unknown';
  const isOurs = name === 'AccessDeniedException' || name === 'ResourceNotFoundException';
  return new BrokerError(isOurs ? 'configuration' : 'table_unavailable', `DynamoDB: ${name}`, { cause: thrown });
}

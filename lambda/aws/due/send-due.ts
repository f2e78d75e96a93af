// Sends what is due to the queue of warm-ups, over DynamoDB and SQS. A bundle of its own: loaded by ../../handler.ts, called by events/warmup.ts.
import { BrokerError } from '../../errors.ts';
import { DynamoFault } from '../call-dynamo.ts';
import { createSend, type DynamoOptions, parseResponse } from '../dynamodb.ts';
import { sendDue } from './due-accounts.ts';

/**
 * Sends the accounts that are due to the queue, without those of `except`, as long as there is time.
 *
 * @returns how many it sent
 * @throws BrokerError `configuration`, `table_unavailable`, `internal`
 */
export type SendDue = (remaining: () => number, except: ReadonlySet<string>) => Promise<number>;

/** Where the table and the queue are. `warmupQueue` is the URL of the queue. */
export interface SendDueOptions {
  readonly dynamo: DynamoOptions;
  readonly tableName: string;
  readonly warmupQueue: string | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What the invocation keeps for its answer, and for the requests under way. Milliseconds. */
const reserveMs = 4000;
const attemptMs = 3000;

/** Creates the port. Undefined without a queue. @throws BrokerError `configuration` */
export function createSendDue({ dynamo, tableName, warmupQueue: queueUrl, now }: SendDueOptions): SendDue | undefined {
  if (queueUrl === undefined) {
    return undefined;
  }
  if (!URL.canParse(queueUrl)) {
    throw new BrokerError('configuration', 'WARMUP_QUEUE_URL is not the URL of a queue');
  }
  const calls = connect(dynamo, queueUrl);
  return (remaining, except) =>
    sendDue({ ...calls, tableName, queueUrl, except, now: now(), hasTime: () => remaining() > reserveMs });
}

function connect(dynamo: DynamoOptions, queueUrl: string) {
  const sqs = createSend({ ...dynamo, endpoint: new URL('/', queueUrl).href }, { service: 'sqs', target: 'AmazonSQS' });
  return {
    query: createCall(createSend(dynamo), 'Query', 'table_unavailable'),
    send: createCall(sqs, 'SendMessageBatch', 'internal'),
  };
}

/** A call that is tried twice. What is not sent is due at the next tick. */
function createCall(send: ReturnType<typeof createSend>, operation: string, code: 'table_unavailable' | 'internal') {
  const attempt = async (body: string) =>
    parseResponse(await send(operation, body, AbortSignal.timeout(attemptMs))).output;
  return async (input: Readonly<Record<string, unknown>>): Promise<unknown> => {
    const body = JSON.stringify(input);
    try {
      return await attempt(body).catch(() => attempt(body));
    } catch (thrown) {
      const { name = 'unknown' } = thrown instanceof Error ? thrown : {};
      const isOurs = thrown instanceof DynamoFault && !thrown.isServers && !thrown.isThrottling;
      throw new BrokerError(isOurs ? 'configuration' : code, `${operation}: ${name}`, { cause: thrown });
    }
  };
}

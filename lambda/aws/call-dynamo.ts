// One call of DynamoDB and its faults, as token-table.ts makes and sees them. Implemented by dynamodb.ts with retry.ts.

/**
 * One DynamoDB operation, its answer unparsed. `at` is the time in the answer's `Date` header, `sentAt` when the attempt
 * was sent that was answered (epoch milliseconds). `isOnce`: it is not tried again when it is throttled.
 *
 * @throws an Error whose `name` is DynamoDB's error type, or anything where no answer came
 */
export type CallDynamo = (
  operation: 'GetItem' | 'UpdateItem',
  input: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
  isOnce?: boolean,
) => Promise<{ readonly output: unknown; readonly at?: number; readonly sentAt?: number }>;

/** Errors with which DynamoDB says that the table, the partition or the account is at its limit. */
const throttlingNames = /^(ThrottlingException|ProvisionedThroughputExceededException|RequestLimitExceeded)$/;

/** A response that is an error. `name` is DynamoDB's error type. The text of the error is dropped. */
export class DynamoFault extends Error {
  readonly isThrottling: boolean;
  readonly isServers: boolean;
  /** Private, so that no log of the error shows it: the record may have a token. */
  readonly #record: unknown;

  constructor(name: string, status: number, record?: unknown) {
    super(`answered with status ${status}`);
    this.name = name;
    this.isThrottling = throttlingNames.test(name);
    this.isServers = status >= 500;
    this.#record = record;
  }

  /** The record that did not meet the condition of an update; undefined if there is none, or if the table does not say. */
  get record(): unknown {
    return this.#record;
  }
}

/** Whether the operation was throttled, and so was certainly not carried out. */
export function isThrottled(thrown: unknown): boolean {
  return thrown instanceof DynamoFault && thrown.isThrottling;
}

import type {
  DynamoDBClientConfig,
  GetItemCommand,
  GetItemCommandInput,
  GetItemCommandOutput,
} from '@aws-sdk/client-dynamodb';
import type { DeserializeMiddleware } from '@smithy/types';
import type { CallDynamo } from './token-table.ts';

/** For one call, its second attempt included. Milliseconds. */
const callMs = 3000;
/** Two of these and the pause between them fit in `callMs`. */
const attemptMs = 1350;

/**
 * Calls DynamoDB through the SDK, which is loaded at the first call. Endpoint, region and credentials come from the
 * environment by the SDK's own rules.
 */
export function createCallDynamo(config: DynamoDBClientConfig = {}): CallDynamo {
  const loaded = lazily(async () => {
    const sdk = await import('@aws-sdk/client-dynamodb');
    const requestHandler = { connectionTimeout: attemptMs, requestTimeout: attemptMs, throwOnRequestTimeout: true };
    return { sdk, client: new sdk.DynamoDBClient({ maxAttempts: 2, requestHandler, ...config }) };
  });

  return async (operation, input, signal) => {
    const { sdk, client } = await loaded();
    // The table's adapter builds the input, and both commands are sent alike: the SDK's types would only get in the way.
    const command =
      operation === 'GetItem'
        ? new sdk.GetItemCommand(input as never)
        : (new sdk.UpdateItemCommand(input as never) as unknown as GetItemCommand);
    let date: string | undefined;
    const noteDate: DeserializeMiddleware<GetItemCommandInput, GetItemCommandOutput> = (next) => async (args) => {
      const result = await next(args);
      date = dateOf(result.response);
      return result;
    };
    command.middlewareStack.add(noteDate, { step: 'deserialize', name: 'noteDate' });
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(callMs)]);
    const output: unknown = await client.send(command, { abortSignal });
    const at = date === undefined ? Number.NaN : Date.parse(date);
    return { output, ...(!Number.isNaN(at) && { at }) };
  };
}

function dateOf(response: unknown): string | undefined {
  if (typeof response !== 'object' || response === null || !('headers' in response)) {
    return undefined;
  }
  const { headers } = response;
  const date = typeof headers === 'object' && headers !== null && 'date' in headers ? headers.date : undefined;
  return typeof date === 'string' ? date : undefined;
}

/** Makes something at its first use, once; a failure to make it is not kept. */
function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((thrown: unknown) => {
      made = undefined;
      throw thrown;
    });
    return made;
  };
}

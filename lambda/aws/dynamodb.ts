// Calls DynamoDB: signs, sends, tries twice. Created by ../handler.ts, called by token-table.ts.
import type { Agent } from 'node:http';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Ports } from '../broker/ports.ts';
import { parseJson } from '../json.ts';
import type { CallDynamo } from './call-dynamo.ts';
import { DynamoFault } from './call-dynamo.ts';
import { attemptMs, clientFor, type HttpsResponse, post } from './https.ts';
import { domainOf } from './partitions.ts';
import { withRetry } from './retry.ts';

/** The AWS keys that Lambda puts into the environment. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where DynamoDB is, and with which keys to sign. */
export interface DynamoOptions {
  readonly region: string;
  /** @default the endpoint of DynamoDB in the region */
  readonly endpoint?: string | undefined;
  /** Called at every attempt, so that the next attempt uses keys that have changed. */
  readonly keys: () => AwsKeys;
}

type Send = (operation: string, body: string, signal: AbortSignal) => Promise<HttpsResponse>;

/**
 * Creates the function that calls DynamoDB, with the SDK's signer over Node's own HTTPS. Two operations need no more,
 * and the SDK's client made a cold start more than twice as long (docs/decisions/0040). retry.ts says when it tries again.
 *
 * @throws DynamoFault with DynamoDB's error type as `name`; any other Error if no response arrived
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
 */
export function createCallDynamo(options: DynamoOptions, given: Pick<Ports, 'clock' | 'random'>): CallDynamo {
  let send: Send | undefined;
  return withRetry(async (operation, input, signal) => {
    send ??= createSend(options);
    // Combined only here, because Node 24 leaks when `AbortSignal.any` is nested.
    const limit = AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]);
    return parseResponse(await send(operation, JSON.stringify(input), limit));
  }, given);
}

/** A service whose protocol is JSON over POST, and what the names of its operations begin with. */
interface JsonService {
  readonly service: string;
  readonly target: string;
}

/** Creates the function that signs and sends one request. @see due/send-due.ts, which also sends to SQS */
export function createSend(
  { region, endpoint = endpointOf(region), keys }: DynamoOptions,
  { service, target }: JsonService = { service: 'dynamodb', target: 'DynamoDB_20120810' },
): Send {
  const url = new URL(endpoint);
  const { protocol, hostname, pathname: path, host } = url;
  const agent = new (clientFor(url).Agent)({ keepAlive: true });
  const signer = new SignatureV4({
    service,
    region,
    sha256: Hash.bind(null, 'sha256'),
    credentials: async () => keys(),
  });

  return async (operation, body, signal) => {
    const headers = {
      host,
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `${target}.${operation}`,
    };
    const signed = await signer.sign({ method: 'POST', protocol, hostname, path, query: {}, headers, body });
    try {
      return await post({ url, headers: signed.headers, body, signal, agent });
    } catch (thrown) {
      closeKept(agent);
      throw thrown;
    }
  };
}

/** A freeze, for example, breaks all kept connections, not only one. The next attempt must open a new connection. */
function closeKept({ freeSockets }: Agent): void {
  for (const socket of Object.values(freeSockets).flat()) {
    socket?.destroy();
  }
}

/** @see https://docs.aws.amazon.com/general/latest/gr/ddb.html */
function endpointOf(region: string): string {
  return `https://dynamodb.${region}.${domainOf(region)}`;
}

/** Parses an answer. @throws DynamoFault if it is an error */
export function parseResponse({ status, headers, body }: HttpsResponse): {
  readonly output: unknown;
  readonly at?: number;
} {
  const output = parseJson(body.toString());
  if (status !== 200 || output === undefined) {
    throw new DynamoFault(
      faultName(output) ?? 'UnreadableAnswer',
      status === 200 ? 502 : status,
      memberOf(output, 'Item'),
    );
  }
  const at = Date.parse(headers.date ?? '');
  return { output, ...(!Number.isNaN(at) && { at }) };
}

function memberOf(output: unknown, name: string): unknown {
  return typeof output === 'object' && output !== null ? Reflect.get(output, name) : undefined;
}

function faultName(output: unknown): string | undefined {
  const type = memberOf(output, '__type');
  return typeof type === 'string' ? /(?:^|#)(\w{1,64})$/.exec(type)?.[1] : undefined;
}

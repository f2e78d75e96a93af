import type { Agent } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import { clientFor, type Posted, post } from './https.ts';
import type { CallDynamo } from './token-table.ts';

/** AWS keys, as Lambda puts them into the environment. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where DynamoDB is, and who calls. */
export interface DynamoOptions {
  readonly region: string;
  /** @default DynamoDB's own of the region */
  readonly endpoint?: string | undefined;
  /** Asked at every attempt, so that keys which have changed are used from the next one on. */
  readonly keys: () => AwsKeys;
}

/** Two of these and the pause between them fit in the 3 s that a call may take. Milliseconds. */
const attemptMs = 1350;
const pauseMs = 100;

/** Errors that pass by themselves, beside all with a status of 500 and more. */
const passing = /^(ThrottlingException|ProvisionedThroughputExceededException|RequestLimitExceeded)$/;

/** An answer that is no result. `name` is DynamoDB's error type; its text goes no further. */
class DynamoFault extends Error {
  readonly isPassing: boolean;

  constructor(name: string, status: number) {
    super(`answered with status ${status}`);
    this.name = name;
    this.isPassing = status >= 500 || passing.test(name);
  }
}

type Send = (operation: string, body: string, signal: AbortSignal) => Promise<Posted>;

/**
 * Calls DynamoDB with the SDK's signer over Node's own HTTPS: two operations need no more, and with the SDK's client a
 * cold start took more than twice as long (docs/decisions/0040).
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
 */
export function createCallDynamo(options: DynamoOptions): CallDynamo {
  let send: Send | undefined;
  return async (operation, input, signal) => {
    send ??= createSend(options);
    const body = JSON.stringify(input);
    try {
      return await attempt(send, operation, body, signal);
    } catch (thrown) {
      if (thrown instanceof DynamoFault) {
        await pauseBefore(thrown, signal);
      }
      signal.throwIfAborted();
      return await attempt(send, operation, body, signal);
    }
  };
}

/** The signal is combined once: Node 24 never frees all of one that is made of a combined one. */
async function attempt(send: Send, operation: string, body: string, signal: AbortSignal) {
  return resultOf(await send(operation, body, AbortSignal.any([signal, AbortSignal.timeout(attemptMs)])));
}

/** A fault that does not pass is thrown on. */
async function pauseBefore(fault: DynamoFault, signal: AbortSignal): Promise<void> {
  if (!fault.isPassing) {
    throw fault;
  }
  await setTimeout(pauseMs, undefined, { signal });
}

function createSend({ region, endpoint = endpointOf(region), keys }: DynamoOptions): Send {
  const url = new URL(endpoint);
  const { protocol, hostname, pathname: path, host } = url;
  const agent = new (clientFor(url).Agent)({ keepAlive: true });
  const signer = new SignatureV4({
    service: 'dynamodb',
    region,
    sha256: Hash.bind(null, 'sha256'),
    credentials: async () => keys(),
  });

  return async (operation, body, signal) => {
    const headers = {
      host,
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
    };
    const signed = await signer.sign({ method: 'POST', protocol, hostname, path, query: {}, headers, body });
    try {
      return await post({ url, headers: signed.headers, body, signal, agent });
    } catch (thrown) {
      dropKept(agent);
      throw thrown;
    }
  };
}

/** What broke one kept connection, a freeze for one, has broken the others too: the next attempt opens its own. */
function dropKept({ freeSockets }: Agent): void {
  for (const socket of Object.values(freeSockets).flat()) {
    socket?.destroy();
  }
}

/** @see https://docs.aws.amazon.com/general/latest/gr/ddb.html */
function endpointOf(region: string): string {
  return `https://dynamodb.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

function resultOf({ status, headers, body }: Posted): { readonly output: unknown; readonly at?: number } {
  const output = parse(body.toString());
  if (status !== 200 || output === undefined) {
    throw new DynamoFault(faultName(output) ?? 'UnreadableAnswer', status === 200 ? 502 : status);
  }
  const at = Date.parse(headers.date ?? '');
  return { output, ...(!Number.isNaN(at) && { at }) };
}

function faultName(output: unknown): string | undefined {
  const type: unknown = typeof output === 'object' && output !== null ? Reflect.get(output, '__type') : undefined;
  return typeof type === 'string' ? /(?:^|#)(\w{1,64})$/.exec(type)?.[1] : undefined;
}

/** Nothing where it is no JSON; the parser's own error would quote it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// A proxy in front of the embedded DynamoDB that throttles each key, as a partition does. Used by stampede.ts.
import { request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { serve } from '../../local/loopback.ts';
import { createBucket } from '../fleet/bucket.ts';
import type { PartitionLimits } from '../fleet/partition.ts';

/** The proxy, and what it counted. */
export interface ThrottlingProxy {
  readonly url: string;
  readonly counts: { reads: number; writes: number; throttled: number };
  readonly close: () => Promise<void>;
}

/** Starts a proxy in front of `target`. It answers for DynamoDB where a key is over its limit. */
export async function startThrottlingProxy(target: string, limits: PartitionLimits): Promise<ThrottlingProxy> {
  const counts = { reads: 0, writes: 0, throttled: 0 };
  const buckets = new Map<string, ReturnType<typeof createBucket>>();
  const clock = { monotonic: () => performance.now() };

  const { url, close } = await serve((incoming, response) => {
    pass(incoming, response).catch(() => response.destroy());
  });
  return { url, counts, close };

  async function pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    if (isTaken(String(incoming.headers['x-amz-target']), body)) {
      await exchange(new URL(target), incoming, { body, response });
    } else {
      counts.throttled += 1;
      response.writeHead(400, { 'Content-Type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: 'com.amazon.coral.availability#ThrottlingException' }));
    }
  }

  function isTaken(operation: string, body: Buffer): boolean {
    const kind = operation.endsWith('GetItem') ? 'reads' : 'writes';
    counts[kind] += 1;
    const name = `${kind} ${JSON.stringify(JSON.parse(body.toString()).Key)}`;
    const bucket = buckets.get(name) ?? createBucket({ clock, perSecond: limits[kind], burst: limits[kind] });
    buckets.set(name, bucket);
    return bucket(1);
  }
}

async function exchange(
  { hostname, port }: URL,
  { method, headers, url }: IncomingMessage,
  { body, response }: { readonly body: Buffer; readonly response: ServerResponse },
): Promise<void> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    forward({ hostname, port, path: url, method, headers, agent: false }, resolve).once('error', reject).end(body);
  });
  response.writeHead(answer.statusCode ?? 502, answer.headers).end(await buffer(answer));
}

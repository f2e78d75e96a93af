// Reads the response to a grant, up to a limit. Called by password-grant.ts.
import type { IncomingMessage } from 'node:http';
import { BrokerError } from '../errors.ts';
import type { TokenResponse } from './token-response.ts';

/** Far more than a token response needs. A longer body is not read to its end. Bytes. */
const longestBody = 64 * 1024;

/** Reads the body up to the cap. It does not read an encoded body, which may expand without limit. */
export function readCapped(response: IncomingMessage, done: (end: TokenResponse | BrokerError) => void): void {
  const {
    'content-type': contentType,
    'content-encoding': encoding = '',
    'retry-after': retryAfter,
  } = response.headers;
  const head = { status: response.statusCode ?? 0, contentType, retryAfter };
  // One buffer for all chunks: when each chunk was kept, three responses in chunks of one byte took 98 MiB.
  const body = Buffer.alloc(longestBody);
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    chunk.copy(body, length);
    length += chunk.length;
    if (length > longestBody) {
      done(head);
    }
  });
  response.on('end', () => done({ ...head, body: body.subarray(0, length) }));
  response.on('error', () => done(new BrokerError('upstream_unavailable', 'the response was cut short')));
  if (!/^(?:identity)?$/i.test(encoding)) {
    done(head);
  }
}

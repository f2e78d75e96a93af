// Replaces the native addon of AWS's runtime client. Built and loaded by way of contestants.ts.
import { connect, type Socket } from 'node:net';
import { replaceClocks, shiftClocks } from './shifted-clock.ts';

/**
 * The native addon would take minutes to compile. This file has the same three functions and uses the same Runtime API.
 * It uses a plain socket, not Node's HTTP client: as with the addon, the function must be the first to load that
 * client.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */

interface Answer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const api = new URL(`http://${process.env.AWS_LAMBDA_RUNTIME_API}`);
const waiting: ((answer: Answer) => void)[] = [];
let socket: Socket | undefined;
let unread = Buffer.alloc(0);

if (process.env.BENCH_SHIFTS_CLOCKS === '1') {
  replaceClocks();
}

/** Waits for the next event. */
export async function next(): Promise<{ readonly headers: Answer['headers']; readonly bodyJson: string }> {
  const { headers, body } = await call('GET', 'next', '');
  const shiftMs = headers['bench-clock-shift-ms'];
  if (shiftMs !== undefined) {
    shiftClocks(Number(shiftMs));
  }
  return { headers, bodyJson: body };
}

/** Sends the result of a call. */
export function done(id: string, body: string): void {
  void call('POST', `${id}/response`, body);
}

/** Sends the error of a call. */
export function error(id: string, body: string): void {
  void call('POST', `${id}/error`, body);
}

function call(method: string, path: string, body: string): Promise<Answer> {
  const length =
    method === 'GET' ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  open().write(
    `${method} /2018-06-01/runtime/invocation/${path} HTTP/1.1\r\nHost: ${api.host}\r\n${length}\r\n${body}`,
  );
  return new Promise((resolve) => waiting.push(resolve));
}

function open(): Socket {
  socket ??= connect({ host: api.hostname, port: Number(api.port), noDelay: true })
    .on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk]);
      readAnswers();
    })
    .on('error', () => process.exit(1));
  return socket;
}

function readAnswers(): void {
  for (;;) {
    const headEnd = unread.indexOf('\r\n\r\n');
    const headers = headersOf(unread.toString('latin1', 0, Math.max(headEnd, 0)));
    const end = headEnd + 4 + Number(headers['content-length'] ?? 0);
    if (headEnd === -1 || unread.length < end) {
      return;
    }
    const body = unread.toString('utf8', headEnd + 4, end);
    unread = unread.subarray(end);
    waiting.shift()?.({ headers, body });
  }
}

function headersOf(head: string): Record<string, string> {
  const lines = head.split('\r\n').slice(1);
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

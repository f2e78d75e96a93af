import { connect, type Socket } from 'node:net';
import { shiftClocks, takeClocks } from './shifted-clock.ts';

/**
 * Stands in for the native addon of AWS's runtime client, which would take minutes to compile: the same three functions
 * over the same Runtime API. Over a bare socket, so that, as with the addon, nobody has used Node's HTTP client before
 * the function does.
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
  takeClocks();
}

/** Asks for the next event. */
export async function next(): Promise<{ readonly headers: Answer['headers']; readonly bodyJson: string }> {
  const { headers, body } = await call('GET', 'next', '');
  const shiftMs = headers['bench-clock-shift-ms'];
  if (shiftMs !== undefined) {
    shiftClocks(Number(shiftMs));
  }
  return { headers, bodyJson: body };
}

/** Hands a result over. */
export function done(id: string, body: string): void {
  void call('POST', `${id}/response`, body);
}

/** Hands a failure over. */
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

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';

/** When the scripted broker's tokens begin. Epoch milliseconds. */
export const noon = Date.parse('2026-11-24T12:00:00Z');

/** What a broker heard. */
export interface Heard {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** What it is to answer. */
export interface Scripted {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
}

export type Line = Scripted | 'hang up' | 'silence';

export interface ScriptedBroker extends LoopbackServer {
  readonly heard: readonly Heard[];
}

/** A server on loopback that speaks the broker's contract as told, one line after the other; the last one again and again. */
export async function scriptedBroker(...script: Line[]): Promise<ScriptedBroker> {
  const heard: Heard[] = [];
  const server = await serve(async (request, response) => {
    const line = script[Math.min(heard.length, script.length - 1)] ?? 'hang up';
    const body = await text(request);
    heard.push({ path: request.url ?? '', headers: request.headers, body: body === '' ? undefined : JSON.parse(body) });
    if (line === 'hang up') {
      request.socket.destroy();
    } else if (line !== 'silence') {
      const sent = typeof line.body === 'string' ? line.body : JSON.stringify(line.body);
      response.writeHead(line.status ?? 200, { 'content-type': 'application/json', ...line.headers }).end(sent);
    }
  });
  return { ...server, heard };
}

/** A token response of 4.1's shape. */
export function issued(accessToken: string, expiresIn: number, more: Record<string, unknown> = {}): Scripted {
  return {
    body: {
      access_token: accessToken,
      token_type: 'bearer',
      expires_in: expiresIn,
      expires_at: new Date(noon + expiresIn * 1000).toISOString(),
      account: '25365421',
      token_sha256: fingerprintOf(accessToken),
      source: 'memory',
      ...more,
    },
  };
}

/** A refusal in the broker's words. */
export function refusal(status: number, code: string, more: Record<string, unknown> = {}): Scripted {
  return {
    status,
    body: { error: code, error_description: 'A fixed text.', retryable: false, request_id: 'request-1', ...more },
  };
}

export function fingerprintOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex');
}

/** Keys that open nothing. */
export const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-real-secret-key' };

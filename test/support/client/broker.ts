// A broker that answers as a test scripts it, and response bodies for it. Used by the tests of the client.
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';

/** When the lifetime of the scripted broker's tokens starts. Epoch milliseconds. */
export const noon = Date.parse('2026-11-24T12:00:00Z');

/** A request that the scripted broker received. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** A response that the scripted broker sends. */
export interface ScriptedResponse {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
}

/** A response, or a failure of the connection. */
export type ScriptedAnswer = ScriptedResponse | 'hang up' | 'silence';

export interface ScriptedBroker extends LoopbackServer {
  readonly received: readonly ReceivedRequest[];
}

/** Starts a server on loopback that sends one answer of the script per request. It repeats the last answer. */
export async function scriptedBroker(...script: ScriptedAnswer[]): Promise<ScriptedBroker> {
  const received: ReceivedRequest[] = [];
  const server = await serve(async (request, response) => {
    const answer = script[Math.min(received.length, script.length - 1)] ?? 'hang up';
    const body = await text(request);
    received.push({
      path: request.url ?? '',
      headers: request.headers,
      body: body === '' ? undefined : JSON.parse(body),
    });
    if (answer === 'hang up') {
      request.socket.destroy();
    } else if (answer !== 'silence') {
      const sent = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers }).end(sent);
    }
  });
  return { ...server, received };
}

/** Returns a token response of the broker's contract. */
export function issued(accessToken: string, expiresIn: number, more: Record<string, unknown> = {}): ScriptedResponse {
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

/** Returns an error response of the broker's contract. */
export function refusal(status: number, code: string, more: Record<string, unknown> = {}): ScriptedResponse {
  return {
    status,
    body: { error: code, error_description: 'A fixed text.', retryable: false, request_id: 'request-1', ...more },
  };
}

/** Returns the SHA-256 of the token, 64 hex digits. */
export function fingerprintOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex');
}

/** AWS keys that are not real. */
export const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-real-secret-key' };

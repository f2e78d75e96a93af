import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SecretsRefusal } from './versions.ts';

/** The operation a request names in AWS JSON 1.1. */
export function operationOf(request: IncomingMessage): string {
  const [service, operation] = String(request.headers['x-amz-target']).split('.');
  return service === 'secretsmanager' && operation !== undefined ? operation : 'unknown';
}

/** The members of a request's body. */
export function inputOf(body: Buffer | undefined): ReadonlyMap<string, unknown> {
  try {
    const input: unknown = JSON.parse(String(body));
    if (typeof input === 'object' && input !== null) {
      return new Map(Object.entries(input));
    }
  } catch {
    // Refused below, like every other body that is no object.
  }
  throw new SecretsRefusal('SerializationException', 'The request body is no JSON object.');
}

/** Answers with an output or a refusal; `cut` breaks the connection half-way. */
export function send(response: ServerResponse, outcome: object, cut: boolean): void {
  const refusal = outcome instanceof SecretsRefusal ? outcome : undefined;
  const body = JSON.stringify(refusal === undefined ? outcome : { __type: refusal.code, Message: refusal.message });
  response.writeHead(statusOf(refusal), {
    'content-type': 'application/x-amz-json-1.1',
    'content-length': Buffer.byteLength(body),
    'x-amzn-requestid': randomUUID(),
    ...(refusal !== undefined && { 'x-amzn-errortype': refusal.code }),
  });
  if (cut) {
    response.write(body.slice(0, body.length / 2), () => response.destroy());
  } else {
    response.end(body);
  }
}

/** All refusals but their own failure are answered with 400. */
function statusOf(refusal: SecretsRefusal | undefined): number {
  if (refusal === undefined) {
    return 200;
  }
  return refusal.code === 'InternalServiceError' ? 500 : 400;
}

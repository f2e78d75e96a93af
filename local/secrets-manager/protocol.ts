// Reads requests and writes answers in AWS JSON 1.1. Called by server.ts.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SecretsRefusal } from './versions.ts';

/** The operation that a request names in `X-Amz-Target`, or `unknown`. */
export function operationOf(request: IncomingMessage): string {
  const [service, operation] = String(request.headers['x-amz-target']).split('.');
  return service === 'secretsmanager' && operation !== undefined ? operation : 'unknown';
}

/** The members of the body. @throws SecretsRefusal if the body is not a JSON object */
export function inputOf(body: Buffer | undefined): ReadonlyMap<string, unknown> {
  try {
    const input: unknown = JSON.parse(String(body));
    if (typeof input === 'object' && input !== null) {
      return new Map(Object.entries(input));
    }
  } catch {
    // Refused below, like every other body that is not an object.
  }
  throw new SecretsRefusal('SerializationException', 'The request body is not a JSON object.');
}

/** Sends an output or a refusal. If `cut` is true, sends half of the body and closes the connection. */
export function send(response: ServerResponse, result: object, cut: boolean): void {
  const refusal = result instanceof SecretsRefusal ? result : undefined;
  const body = JSON.stringify(refusal === undefined ? result : { __type: refusal.code, Message: refusal.message });
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

/** The service answers its own failure with 500, and all other refusals with 400. */
function statusOf(refusal: SecretsRefusal | undefined): number {
  if (refusal === undefined) {
    return 200;
  }
  return refusal.code === 'InternalServiceError' ? 500 : 400;
}

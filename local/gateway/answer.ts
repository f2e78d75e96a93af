// Makes the HTTP answers: refusals of API Gateway, and results of the function. Called by api.ts and wire.ts.
import { channel } from 'node:diagnostics_channel';
import { refusalBody, refusalHeaders, refusals } from '../../infra/api/refusals.ts';
import type { Invoked } from './function.ts';

/** An HTTP answer of the API. */
export interface GatewayAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}

/** An answer of the API as it was sent. */
export interface SentAnswer extends Omit<GatewayAnswer, 'headers'> {
  /** The path of the request, as the client sent it. Empty if the request could not be parsed. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number | readonly string[]>>;
  /** Whether the answer has not passed through a gateway, which adds headers. */
  readonly ofFunction?: boolean;
}

/** Gets each `SentAnswer`. The tests subscribe to it, and compare every answer with docs/openapi.json. */
export const sentAnswers = channel('fegora-token-broker:answer');

/** A refusal by API Gateway itself: the status, and the `x-amzn-ErrorType` if it has one. */
export interface GatewayRefusal {
  readonly status: 400 | 403 | 413 | 429 | 502 | 504;
  readonly type?: string;
}

/** The function failed, or returned something that is not an HTTP answer. */
const badGateway: GatewayRefusal = { status: 502, type: 'InternalServerErrorException' };

/**
 * The response types whose texts the stack sets, by the type of the error. AWS does not document the response type of
 * the other errors of a signature.
 */
const responseTypes: ReadonlyMap<string, string> = new Map([
  ['AccessDeniedException', 'ACCESS_DENIED'],
  ['ExpiredTokenException', 'EXPIRED_TOKEN'],
  ['InvalidSignatureException', 'INVALID_SIGNATURE'],
  ['MissingAuthenticationTokenException', 'MISSING_AUTHENTICATION_TOKEN'],
]);

/**
 * The answer with the fixed body of the stack. API Gateway's default body would repeat headers of the request, and one
 * of them can be a session token.
 */
export function refuse({ status, type }: GatewayRefusal, requestId: string): GatewayAnswer {
  const named = status === 403 ? (responseTypes.get(type ?? '') ?? 'DEFAULT_4XX') : undefined;
  const fixed = refusals.find((refusal) => (named === undefined ? refusal.status === status : refusal.type === named));
  if (fixed === undefined) {
    throw new Error(`the stack has no fixed answer for ${status}`);
  }
  return {
    status,
    headers: {
      'Content-Type': 'application/json',
      ...refusalHeaders(fixed),
      ...(type !== undefined && { 'x-amzn-ErrorType': type }),
    },
    body: refusalBody(fixed, requestId),
  };
}

/**
 * The HTTP answer that API Gateway makes of the function's result.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html (output format)
 */
export function answerOf({ failed, payload }: Invoked, requestId: string): GatewayAnswer {
  const result: unknown = failed ? undefined : JSON.parse(payload);
  if (!isProxyResult(result)) {
    return refuse(badGateway, requestId);
  }
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded } = result;
  return {
    status: statusCode,
    headers: { 'Content-Type': 'application/json', ...headers, ...multiValueHeaders },
    body: Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8').toString(),
  };
}

interface ProxyResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

function isProxyResult(value: unknown): value is ProxyResult {
  if (typeof value !== 'object' || value === null || !('statusCode' in value)) {
    return false;
  }
  const known = new Set(['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded']);
  const { statusCode } = value;
  const body = 'body' in value ? value.body : '';
  return (
    Object.keys(value).every((name) => known.has(name)) &&
    Number.isInteger(statusCode) &&
    typeof body === 'string' &&
    ['headers', 'multiValueHeaders'].every((name) => typeof (Reflect.get(value, name) ?? {}) === 'object')
  );
}

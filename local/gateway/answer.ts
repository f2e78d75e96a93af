import { refusalBody, refusalHeaders, refusals } from '../../infra/api/refusals.ts';
import type { Invoked } from './function.ts';

/** An HTTP answer of the API. */
export interface GatewayAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}

/** An answer of API Gateway's own: its status, and the type it names where it names one. */
export interface GatewayRefusal {
  readonly status: 400 | 403 | 413 | 429 | 502 | 504;
  readonly type?: string;
}

/** The function failed, or answered with something that is no HTTP answer. */
const badGateway: GatewayRefusal = { status: 502, type: 'InternalServerErrorException' };

/** The stack's fixed body for a refusal: API Gateway's own would repeat headers, a session token among them. */
export function refuse({ status, type }: GatewayRefusal, requestId: string): GatewayAnswer {
  const fixed = refusals.find((refusal) => refusal.status === status);
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
 * What the function's result means to API Gateway.
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

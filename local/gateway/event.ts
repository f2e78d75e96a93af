// Makes the event that API Gateway hands to the function. Called by api.ts and by bench.
import { randomBytes } from 'node:crypto';
import type { Caller } from './callers.ts';
import { localAccount } from './function.ts';
import type { ArrivedRequest } from './sigv4.ts';

/** The resource of the API that matches a request. */
export interface Route {
  readonly resource: '/token' | '/token/{account}';
  /** Percent-decoded once, as in API Gateway. */
  readonly pathParameters: Readonly<Record<string, string>> | null;
}

/** A request with everything that the event needs. */
export interface GatewayRequest extends ArrivedRequest {
  /** Names and values in turns, as the client sent them. */
  readonly rawHeaders: readonly string[];
  readonly requestId: string;
  readonly sourceIp: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
}

/** The route of a method and a path. Undefined if the API has none for this exact spelling. */
export function routeOf({ method, path }: ArrivedRequest): Route | undefined {
  if (method !== 'POST') {
    return undefined;
  }
  if (path === '/token') {
    return { resource: '/token', pathParameters: null };
  }
  const segment = /^\/token\/([^/]+)$/.exec(path)?.[1];
  const account = segment === undefined ? undefined : decoded(segment);
  return account === undefined ? undefined : { resource: '/token/{account}', pathParameters: { account } };
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/**
 * The event of a proxy integration, payload version 1.0. It has the form of a custom domain, so `requestContext.path`
 * has no stage. Paths stay percent-encoded; parameters are decoded. API Gateway drops the header of the signature, and
 * keeps the header of the session token.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html (headers)
 */
export function proxyEvent(request: GatewayRequest, route: Route, caller: Caller): object {
  const headers = multiValue(headerPairs(request));
  const query = request.query.length === 0 ? null : multiValue(request.query);
  return {
    resource: route.resource,
    path: request.path,
    httpMethod: request.method,
    headers: lastValues(headers),
    multiValueHeaders: headers,
    queryStringParameters: query && lastValues(query),
    multiValueQueryStringParameters: query,
    pathParameters: route.pathParameters,
    stageVariables: null,
    requestContext: requestContext(request, route, caller),
    body: request.body.length === 0 ? null : request.body.toString(),
    isBase64Encoded: false,
  };
}

function requestContext(request: GatewayRequest, { resource }: Route, caller: Caller): object {
  const arrived = new Date(request.arrivedAt);
  const [, day, month, year, time] = arrived.toUTCString().split(' ');
  return {
    resourceId: resource === '/token' ? 'local1' : 'local2',
    resourcePath: resource,
    httpMethod: request.method,
    extendedRequestId: randomBytes(11).toString('base64'),
    requestTime: `${day}/${month}/${year}:${time} +0000`,
    path: request.path,
    accountId: localAccount,
    protocol: 'HTTP/1.1',
    stage: 'local',
    domainPrefix: 'localhost',
    requestTimeEpoch: request.arrivedAt,
    requestId: request.requestId,
    identity: identityOf(request, caller),
    domainName: request.headers.get('host') ?? 'localhost',
    apiId: 'local',
  };
}

function identityOf({ headers, sourceIp }: GatewayRequest, caller: Caller): object {
  return {
    cognitoIdentityPoolId: null,
    accountId: localAccount,
    cognitoIdentityId: null,
    caller: caller.principalId,
    sourceIp,
    principalOrgId: null,
    accessKey: caller.accessKeyId,
    cognitoAuthenticationType: null,
    cognitoAuthenticationProvider: null,
    userArn: caller.arn,
    userAgent: headers.get('user-agent') ?? null,
    user: caller.principalId,
  };
}

const dropped = new Set(['authorization', 'connection', 'expect', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

function headerPairs({ rawHeaders, sourceIp, requestId }: GatewayRequest): [string, string][] {
  const sent = rawHeaders.flatMap((name, at): [string, string][] =>
    at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? '']] : [],
  );
  return [
    ...sent.filter(([name]) => !dropped.has(name.toLowerCase())),
    ['X-Amzn-Trace-Id', `Root=1-${requestId.slice(0, 8)}-${requestId.replaceAll('-', '').slice(8)}`],
    ['X-Forwarded-For', sourceIp],
    ['X-Forwarded-Port', '443'],
    ['X-Forwarded-Proto', 'https'],
  ];
}

function multiValue(pairs: readonly (readonly [string, string])[]): Record<string, string[]> {
  const values = Map.groupBy(pairs, ([name]) => name);
  return Object.fromEntries([...values].map(([name, group]) => [name, group.map(([, value]) => value)]));
}

function lastValues(values: Readonly<Record<string, readonly string[]>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(values).map(([name, all]) => [name, all.at(-1)]));
}

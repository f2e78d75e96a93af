// Makes the example answers with the function's own code. Called by responses.ts.
import { createHash } from 'node:crypto';
import type { Grant } from '../../lambda/broker/contract.ts';
import { asBrokerError, BrokerError, type ErrorCode } from '../../lambda/errors.ts';
import { createHttpHandler, type HttpAnswer, httpFailure } from '../../lambda/events/api-gateway.ts';
import type { Invocation } from '../../lambda/events/invocation.ts';
import { createIssueToken } from '../../lambda/events/token-request.ts';

/** An answer of the function or of API Gateway. */
export interface ExampleAnswer {
  /** Unique within a status. */
  readonly name: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The id of a request in every example. */
export const requestId = '0f8a1f3e-5f0c-4a44-9d3f-6d8c0b0d8c5e';

const account = 'main';
const accessToken = 'not-a-real-token';

/** The fingerprint of the token in the examples. */
export const tokenSha256 = createHash('sha256').update(accessToken).digest('hex');

const grant: Grant = {
  token: {
    accessToken,
    fingerprint: tokenSha256,
    issuedAt: Date.parse('2026-11-24T16:00:00.000Z'),
    lifetimeMs: 30 * 60_000,
    versionId: 'EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE',
  },
  source: 'memory',
  remainingMs: 1_788_000,
};

const invocation: Invocation = {
  entryPoint: 'http',
  caller: 'arn:aws:sts::123456789012:assumed-role/invoicing/session',
  callerRole: 'arn:aws:sts::123456789012:assumed-role/invoicing',
  requestId,
  invocationId: requestId,
  account,
};

/** Bodies of requests, by the name of the example. */
export const requestBodies: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  anyToken: {},
  metadata: { want: 'metadata', min_validity: 60 },
  rejected: { rejected: tokenSha256 },
};

/** Requests that the function refuses, by what is wrong with them. */
const wrongBodies = {
  'invalid_request.not_json': 'not JSON',
  'invalid_request.too_long': JSON.stringify({ want: 'x'.repeat(1024) }),
  'invalid_request.unknown_member': JSON.stringify({ account: 'other' }),
  'invalid_request.min_validity': JSON.stringify({ min_validity: -1 }),
  'invalid_request.rejected': JSON.stringify({ rejected: 'a token' }),
  'invalid_request.want': JSON.stringify({ want: 'everything' }),
};

/** Returns what the function answers if it has a token: by `want`, and with a warning. */
export async function tokenAnswers(): Promise<ExampleAnswer[]> {
  const renewalFailing: Grant = { ...grant, remainingMs: 300_000, warning: 'renewal_failing' };
  return [
    named('token', await answerTo('{}')),
    named('metadata', await answerTo(JSON.stringify(requestBodies.metadata))),
    named('warning', await answerTo('{}', renewalFailing)),
  ];
}

/** Returns what the function answers to requests of the wrong form. */
export async function wrongRequestAnswers(): Promise<ExampleAnswer[]> {
  return Promise.all(Object.entries(wrongBodies).map(async ([name, body]) => named(name, await answerTo(body))));
}

/** Returns what the function answers for a code. */
export function errorAnswer(code: ErrorCode): ExampleAnswer {
  return named(code, httpFailure(new BrokerError(code, 'an example'), requestId));
}

async function answerTo(body: string, issued: Grant = grant): Promise<HttpAnswer> {
  const handle = createHttpHandler(
    createIssueToken({
      broker: { getToken: async () => issued },
      isConfigured: () => true,
      report: { issued: () => {} },
    }),
  );
  const event = {
    httpMethod: 'POST',
    resource: '/token/{account}',
    path: `/token/${account}`,
    pathParameters: { account },
    body,
  };
  return handle(event, invocation, () => 0).catch((thrown: unknown) => httpFailure(asBrokerError(thrown), requestId));
}

function named(name: string, { statusCode, headers, body }: HttpAnswer): ExampleAnswer {
  return { name, status: statusCode, headers, body: JSON.parse(body) };
}

import { hasSubscribers } from 'node:diagnostics_channel';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { refusals } from '../../../infra/api/refusals.ts';
import { BrokerError, errorCodes } from '../../../lambda/errors.ts';
import { type SentAnswer, sentAnswers } from '../../../local/gateway/answer.ts';
import { openApi30Document } from '../../../scripts/openapi/document.ts';
import { documents } from '../../../scripts/openapi.ts';
import { createCheckAnswer, openApi } from '../../support/openapi/check-answer.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe.each(Object.entries(documents))('%s', (file, make) => {
  test('promise 54: the document is what `npm run openapi` writes', async () => {
    expect(read(file)).toBe(`${JSON.stringify(await make(), null, 2)}\n`);
  });

  test('the document is valid OpenAPI', async () => {
    const { valid, errors } = await new Validator().validate(read(file));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  });
});

const responses = Object.values(openApi.components.responses);
const examplesOf = (response: (typeof responses)[number] | undefined) =>
  Object.entries(response?.content['application/json']?.examples ?? {}).map(([name, { value }]) => ({ name, value }));

describe('the examples', () => {
  const ajv = new Ajv2020({ allErrors: true, formats: { 'date-time': true } });
  for (const [name, schema] of Object.entries(openApi.components.schemas)) {
    ajv.addSchema({ ...schema, additionalProperties: false }, name);
  }

  test('every response has examples, and its schema accepts each of them', () => {
    for (const [name, response] of Object.entries(openApi.components.responses)) {
      expect(examplesOf(response)).not.toEqual([]);
      const faults = examplesOf(response).filter(({ value }) => !ajv.validate(name, value));
      expect([name, faults]).toEqual([name, []]);
    }
  });

  test('every code has an example with the text that the code gives to callers', () => {
    const bodies = responses.flatMap(examplesOf).map(({ value }) => value);
    for (const code of errorCodes()) {
      const { error_description } = new BrokerError(code, '').toBody('');
      const refused = refusals
        .filter((refusal) => refusal.code === code)
        .flatMap(({ text = error_description }) => text);
      const texts = code === 'forbidden' ? refused : [error_description, ...refused];
      for (const text of texts) {
        expect(bodies).toContainEqual(expect.objectContaining({ error: code, error_description: text }));
      }
    }
  });

  test('the schema of a request accepts the examples of requests, and refuses what the function refuses', () => {
    const { post } = Object(openApi.paths['/token']);
    const requests = Object.values<{ value: object }>(post.requestBody.content['application/json'].examples);
    expect(requests.filter(({ value }) => !ajv.validate('TokenRequest', value))).toEqual([]);
    const wrong = [
      { min_validity: -1 },
      { min_validity: '1' },
      { rejected: 'x' },
      { want: 'all' },
      { account: 'a' },
      [],
    ];
    expect(wrong.filter((value) => ajv.validate('TokenRequest', value))).toEqual([]);
  });
});

describe('docs/openapi-3.0.json', () => {
  /** @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html */
  test('the document has nothing that API Gateway does not import', async () => {
    const document = Object(await openApi30Document());
    expect(document.openapi).toMatch(/^3\.0\./);
    expect(Object.keys(document.components.schemas).filter((name) => !/^[A-Za-z0-9]+$/.test(name))).toEqual([]);
    const [schemes] = [Object.values<{ type: string }>(document.components.securitySchemes)];
    expect(schemes.map(({ type }) => type)).toEqual(['apiKey']);
    const used = new Set(
      JSON.stringify(document)
        .match(/"[^"]+"(?=:)/g)
        ?.map((name) => name.slice(1, -1)),
    );
    const notImported = [
      'example',
      'examples',
      'anyOf',
      'oneOf',
      'discriminator',
      'exclusiveMinimum',
      'const',
      'deprecated',
    ];
    expect(notImported.filter((name) => used.has(name))).toEqual([]);
    for (const { post } of Object.values<{ post: { responses: object } }>(document.paths)) {
      expect(Object.keys(post.responses).filter((status) => !/^\d{3}$/.test(status))).toEqual([]);
      expect(JSON.stringify(post.responses)).not.toContain('#/components/responses/');
    }
  });
});

describe('promise 54: the check of every answer', () => {
  const check = createCheckAnswer(openApi);
  const headers = {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    'x-amzn-RequestId': 'id',
  };
  const error = {
    error: 'upstream_timeout',
    error_description: 'A text.',
    retryable: true,
    retry_after: 5,
    request_id: '1',
  };
  const right: SentAnswer = {
    path: '/token/main',
    status: 503,
    headers: { ...headers, 'Retry-After': '5', Date: 'today' },
    body: JSON.stringify(error),
  };

  test('accepts an answer that the document describes, with the headers of API Gateway or without a gateway', () => {
    expect(check(right)).toEqual([]);
    const { 'x-amzn-RequestId': _, ...ofFunction } = right.headers;
    expect(check({ ...right, headers: ofFunction, ofFunction: true })).toEqual([]);
    expect(check({ ...right, headers: ofFunction })).not.toEqual([]);
  });

  test.each<[string, Partial<SentAnswer>]>([
    ['a status that the document does not have', { status: 302 }],
    ['a status that only another path can get', { path: '/token', status: 404, body: '{}' }],
    ['a code of another status', { body: JSON.stringify({ ...error, error: 'internal' }) }],
    ['a code that does not exist', { body: JSON.stringify({ ...error, error: 'upstream_slow' }) }],
    ['a member with another name', { body: JSON.stringify({ ...error, retry_after: undefined, retryAfter: 5 }) }],
    ['a member more', { body: JSON.stringify({ ...error, more: true }) }],
    ['a member of another type', { body: JSON.stringify({ ...error, retry_after: '5' }) }],
    ['`retryable` that does not fit the status', { body: JSON.stringify({ ...error, retryable: false }) }],
    ['no Retry-After', { headers }],
    ['a Retry-After that is not a number of seconds', { headers: { ...headers, 'Retry-After': 'soon' } }],
    ['a Retry-After for an error that stays', { status: 502, body: JSON.stringify({ ...error, error: 'internal' }) }],
    ['a header that the document does not have', { headers: { ...right.headers, 'Set-Cookie': 'a=b' } }],
    ['another value of a fixed header', { headers: { ...right.headers, 'Cache-Control': 'private' } }],
    ['another content type', { headers: { ...right.headers, 'Content-Type': 'text/html' } }],
  ])('refuses %s', (_, change) => {
    expect(check({ ...right, ...change })).not.toEqual([]);
  });

  test('never repeats a value of the answer', () => {
    const faults = check({ ...right, status: 200, body: JSON.stringify({ access_token: ['not-a-real-token'] }) });
    expect(faults).not.toEqual([]);
    expect(JSON.stringify(faults)).not.toContain('not-a-real-token');
  });

  test('is loaded for every test, and no scenario calls the function past it', () => {
    expect(hasSubscribers(sentAnswers.name)).toBe(true);
    const past = globSync('test/scenario/{function,alarms}/*.ts', { cwd: root }).flatMap((file) =>
      // Warm-ups have no HTTP answer.
      (read(file).match(/\bhandler?\(.*lambdaContext\((?!'warmup').*/g) ?? []).map((line) => `${file}: ${line}`),
    );
    expect(past).toEqual([]);
  });
});

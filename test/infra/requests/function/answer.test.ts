// Tests what an answer of Fegora means (infra/requests/function/answer.ts).
import { describe, expect, test } from 'vitest';
import { failureOfSilence, type RequestResult, resultOf } from '../../../../infra/requests/function/answer.ts';
import { parseEvent } from '../../../../infra/requests/function/event.ts';
import { RequestFailure } from '../../../../infra/requests/function/failure.ts';
import { type Answer, Unanswered } from '../../../../infra/requests/function/send.ts';
import { isMethod } from '../../../../infra/requests/rules.ts';

const methods = ['GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'PATCH'].filter(isMethod);

function answerOf(status: number, more: Partial<Answer> = {}): Answer {
  return { status, headers: {}, body: Buffer.alloc(0), isTooLong: false, afterMs: 50, ...more };
}

function outcomeOf(method: string, answer: Answer, allow: readonly number[] = []): RequestResult | RequestFailure {
  try {
    return resultOf(parseEvent({ method, path: '/dte', allow }, 'https://api.fegora.com'), answer);
  } catch (thrown) {
    if (thrown instanceof RequestFailure) {
      return thrown;
    }
    throw thrown;
  }
}

function codeOf(method: string, status: number, more?: Partial<Answer>): string {
  const outcome = outcomeOf(method, answerOf(status, more));
  return outcome instanceof RequestFailure ? outcome.code : 'result';
}

describe('a status', () => {
  test.each([
    [200, ['result', 'result']],
    [204, ['result', 'result']],
    [301, ['fegora_refused', 'fegora_refused']],
    [302, ['fegora_refused', 'fegora_outcome_unknown']],
    [303, ['fegora_refused', 'fegora_outcome_unknown']],
    [304, ['fegora_refused', 'fegora_refused']],
    [307, ['fegora_refused', 'fegora_refused']],
    [400, ['fegora_refused', 'fegora_refused']],
    [401, ['fegora_refused', 'fegora_refused']],
    [403, ['fegora_refused', 'fegora_refused']],
    [404, ['fegora_refused', 'fegora_refused']],
    [409, ['fegora_refused', 'fegora_refused']],
    [429, ['fegora_unavailable', 'fegora_unavailable']],
    [500, ['fegora_unavailable', 'fegora_outcome_unknown']],
    [502, ['fegora_unavailable', 'fegora_outcome_unknown']],
    [503, ['fegora_unavailable', 'fegora_unavailable']],
    [504, ['fegora_unavailable', 'fegora_outcome_unknown']],
    [599, ['fegora_unavailable', 'fegora_outcome_unknown']],
  ])('promise 53: %d is %j for methods that may be repeated, and for POST and PATCH', (status, [again, once]) => {
    expect(methods.map((method) => codeOf(method, status))).toEqual([again, again, again, again, once, once]);
  });

  test('promise 53: 503 of a proxy that gave up after 10 s may come after the request was processed', () => {
    const codesAfter = (afterMs: number) => ['POST', 'GET'].map((method) => codeOf(method, 503, { afterMs }));
    expect(codesAfter(9_999)).toEqual(['fegora_unavailable', 'fegora_unavailable']);
    expect(codesAfter(10_000)).toEqual(['fegora_outcome_unknown', 'fegora_unavailable']);
  });

  test('that the request allows is a result', () => {
    expect(outcomeOf('GET', answerOf(404), [404])).toEqual({ status: 404, headers: {}, body: null });
    expect(codeOf('GET', 409)).toBe('fegora_refused');
  });

  test.each([
    ['7', 7],
    ['999999', 3600],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    ['-1', undefined],
  ])('503 with retry-after %s has the retry_after %s', (given, expected) => {
    const outcome = outcomeOf('POST', answerOf(503, { headers: { 'retry-after': given } }));
    expect(outcome).toMatchObject({ members: { retryable: true } });
    expect(Object(outcome).members.retry_after).toBe(expected);
  });
});

test('promise 53: silence is retryable for methods that may be repeated, and for all if nothing was sent', () => {
  const codesOf = (isSent: boolean) =>
    methods.map((method) => failureOfSilence(method, new Unanswered(isSent, 'ECONNRESET')).code);
  const [unavailable, unknown] = ['fegora_unavailable', 'fegora_outcome_unknown'];
  expect(codesOf(false)).toEqual(methods.map(() => unavailable));
  expect(codesOf(true)).toEqual([unavailable, unavailable, unavailable, unavailable, unknown, unknown]);
});

describe('a body', () => {
  test.each([
    ['application/pdf', '%PDF', { body: 'JVBERg==', encoding: 'base64' }],
    ['', 'x', { body: 'eA==', encoding: 'base64' }],
    ['text/xml', '<a/>', { body: '<a/>' }],
    ['application/soap+xml', '<a/>', { body: '<a/>' }],
    ['application/problem+json; charset=utf-8', '{"a":1}', { body: { a: 1 } }],
    ['application/json', '{"n":12345678901234567890,"m":1.5e3}', { body: { n: '12345678901234567890', m: 1500 } }],
    ['application/json', '{"n":-1e400,"m":1e3}', { body: { n: '-1e400', m: 1000 } }],
    ['application/json', 'not json', { body: 'not json' }],
    ['text/plain', '', { body: null }],
  ])('of type %j and text %j is %j', (type, text, expected) => {
    const outcome = outcomeOf('GET', answerOf(200, { headers: { 'content-type': type }, body: Buffer.from(text) }));
    expect(outcome).toEqual({ status: 200, headers: { 'content-type': type }, ...expected });
  });

  test('is decoded by its charset, and is base64 if it cannot be', () => {
    const of = (type: string, more: object = {}) =>
      outcomeOf('GET', answerOf(200, { headers: { 'content-type': type, ...more }, body: Buffer.from([0xf1]) }));
    expect(of('text/plain; charset=iso-8859-1')).toMatchObject({ body: 'ñ' });
    expect(of('text/plain')).toMatchObject({ body: '8Q==', encoding: 'base64' });
    expect(of('text/plain; charset=unknown')).toMatchObject({ body: '8Q==', encoding: 'base64' });
    expect(of('text/plain; charset=iso-8859-1', { 'content-encoding': 'gzip' })).toMatchObject({ body: '8Q==' });
  });

  test('over 200 KB is fegora_answer_too_large with the status, also if only the result is so long', () => {
    const headers = { 'content-type': 'text/plain' };
    expect(codeOf('GET', 200, { isTooLong: true })).toBe('fegora_answer_too_large');
    expect(codeOf('GET', 200, { headers, body: Buffer.alloc(150_000, '"') })).toBe('fegora_answer_too_large');
    expect(codeOf('GET', 200, { headers, body: Buffer.alloc(150_000, 'x') })).toBe('result');
    expect(codeOf('POST', 503, { isTooLong: true })).toBe('fegora_unavailable');
  });
});

test('headers of the connection, cookies and challenges are in no result', () => {
  const headers = { etag: 'a', 'set-cookie': ['a=1'], connection: 'close', 'www-authenticate': 'Bearer' };
  expect(outcomeOf('GET', answerOf(200, { headers }))).toEqual({ status: 200, headers: { etag: 'a' }, body: null });
});

test('a refusal has a short answer as it is, and no long one', () => {
  const refused = (length: number) =>
    outcomeOf('POST', answerOf(400, { headers: { 'content-type': 'text/plain' }, body: Buffer.alloc(length, 'x') }));
  expect(refused(100)).toMatchObject({ members: { status: 400, answer: 'x'.repeat(100) } });
  expect(refused(5000)).toMatchObject({ members: { status: 400 } });
  expect(Object(refused(5000)).members).not.toHaveProperty('answer');
});

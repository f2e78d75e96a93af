// Tests which requests the function takes (infra/requests/function/event.ts and infra/requests/rules.ts).
import { describe, expect, test } from 'vitest';
import { parseEvent } from '../../../../infra/requests/function/event.ts';
import { RequestFailure } from '../../../../infra/requests/function/failure.ts';

const origin = 'https://api.fegora.com';

function faultOf(event: unknown): unknown {
  try {
    parseEvent(event, origin);
    return undefined;
  } catch (thrown) {
    return thrown instanceof RequestFailure && thrown.code === 'invalid_request' ? thrown.members.member : thrown;
  }
}

test('parseEvent adds the query, the type of JSON and the headers of the function', () => {
  const body = { nit: 'CF', total: 1.5 };
  const query = { numeroTransaccion: 7, estado: ['a b', 'ñ'], vigente: true };
  const request = parseEvent({ method: 'PUT', path: '/dte/a%20b', query, body, headers: { 'X-Trace': '1' } }, origin);

  expect(request.url.href).toBe(
    'https://api.fegora.com/dte/a%20b?numeroTransaccion=7&estado=a+b&estado=%C3%B1&vigente=true',
  );
  expect(request.body).toBe('{"nit":"CF","total":1.5}');
  expect(request.headers).toEqual({
    accept: 'application/json',
    'user-agent': 'fegora-token-broker',
    'x-trace': '1',
    'content-type': 'application/json',
  });
});

test('parseEvent sends every integer that it holds exactly', () => {
  const body = { id: 2 ** 53 - 1, total: 1e-7 };
  expect(parseEvent({ method: 'POST', path: '/dte', body }, origin).body).toBe('{"id":9007199254740991,"total":1e-7}');
});

test('parseEvent takes a member that is null as absent', () => {
  const event = { method: 'GET', path: '/dte', query: null, headers: null, body: null, allow: null };
  expect(parseEvent(event, origin)).toMatchObject({ body: undefined, allow: [], method: 'GET' });
});

test('parseEvent sends a text as it is with the type that the caller names', () => {
  const headers = { 'Content-Type': 'application/xml' };
  expect(parseEvent({ method: 'POST', path: '/dte', headers, body: '<a/>' }, origin)).toMatchObject({
    body: '<a/>',
    headers: { 'content-type': 'application/xml' },
  });
  expect(faultOf({ method: 'POST', path: '/dte', body: '<a/>' })).toBe('body');
});

describe('a path', () => {
  test.each([
    'dte',
    '',
    '//example.org/dte',
    '/\\example.org',
    'https://example.org/dte',
    '/dte?x=1',
    '/dte#x',
    '/dte/../token',
    '/dte/%2e%2e/x',
    '/dte/%2E./x',
    '/dte/.',
    '/dte%2f..%2ftoken',
    '/dte%5c..%5cx',
    '/dte/%00',
    '/dte/%0d%0aX: 1',
    '/dte/ñ',
    '/dte/a b',
    '/dte/%zz',
    '/dte/%c3',
    '/dte/%252e%252e/x',
    '/%2574oken',
    '/@example.org\n',
    '/token',
    '/Token/',
    '/%74oken',
    '/v1/TOKEN;x=1',
    '/token.',
    7,
    null,
  ])('%j is refused', (path) => {
    expect(faultOf({ method: 'GET', path })).toBe('path');
  });

  test.each(['/', '/dte', '/dte/1@x:y', '/dte/..a', '/dte//x', '/tokens', '/mytoken', '/dte/%C3%B1', '/dte/100%25'])(
    '%j stays below the origin as it is',
    (path) => {
      expect(parseEvent({ method: 'GET', path }, origin).url.href).toBe(`${origin}${path}`);
    },
  );
});

describe('a header', () => {
  test.each([
    'authorization',
    'Authorization',
    'HOST',
    'connection',
    'content-length',
    'transfer-encoding',
    'proxy-authorization',
    'accept-encoding',
    'cookie',
    'expect',
    'X-HTTP-Method-Override',
    'x-http-method',
    'x-method-override',
    'X-Original-URL',
    'x-rewrite-url',
    'a b',
    'a\r\nb',
    '',
    'ñ',
  ])('%j is refused', (name) => {
    expect(faultOf({ method: 'GET', path: '/dte', headers: { [name]: 'x' } })).toBe('headers');
  });

  test.each(['a\r\nauthorization: x', 'ñ', null, {}])('the value %j is refused', (value) => {
    expect(faultOf({ method: 'GET', path: '/dte', headers: { 'x-a': value } })).toBe('headers');
  });

  test('a value over 4,000 characters, a path over 2,000 and a URL over 8,000 are refused', () => {
    const long = (characters: number) => 'x'.repeat(characters);
    expect(faultOf({ method: 'GET', path: '/dte', headers: { 'x-a': long(4001) } })).toBe('headers');
    expect(faultOf({ method: 'GET', path: `/${long(2000)}` })).toBe('path');
    expect(faultOf({ method: 'GET', path: '/dte', query: { a: long(8000) } })).toBe('path');
  });

  test('the same name in two spellings is refused', () => {
    expect(faultOf({ method: 'GET', path: '/dte', headers: { 'X-A': '1', 'x-a': '2' } })).toBe('headers');
  });
});

test.each([
  [{ method: 'get', path: '/dte' }, 'method'],
  [{ method: 'CONNECT', path: '/dte' }, 'method'],
  [{ method: 'toString', path: '/dte' }, 'method'],
  [{ method: 'GET', path: '/dte', body: {} }, 'body'],
  [{ method: 'POST', path: '/dte', body: 7 }, 'body'],
  [
    { method: 'POST', path: '/dte', body: {}, headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    'body',
  ],
  [{ method: 'POST', path: '/dte', body: { items: [{ id: 2 ** 53 }] } }, 'body'],
  [{ method: 'GET', path: '/dte', query: { id: [1, -(2 ** 53)] } }, 'query'],
  [{ method: 'GET', path: '/dte', query: 'a=1' }, 'query'],
  [{ method: 'GET', path: '/dte', query: { a: null } }, 'query'],
  [{ method: 'GET', path: '/dte', query: { a: { b: 1 } } }, 'query'],
  [{ method: 'GET', path: '/dte', allow: 404 }, 'allow'],
  [{ method: 'GET', path: '/dte', allow: [500] }, 'allow'],
  [{ method: 'GET', path: '/dte', allow: [401] }, 'allow'],
  [{ method: 'GET', path: '/dte', allow: ['404'] }, 'allow'],
  [{ method: 'GET', path: '/dte', account: 'two' }, 'account'],
  [{ method: 'GET', path: '/dte', 'a b': 'x' }, 'event'],
  [[], 'event'],
  ['/dte', 'event'],
])('promise 53: the event %j is refused, and the error names %s', (event, member) => {
  expect(faultOf(event)).toBe(member);
});

test('the error of a refused event repeats no value', () => {
  const secret = 'not-a-real-secret';
  for (const event of [
    { method: secret },
    { method: 'GET', path: secret },
    { method: 'GET', path: '/a', headers: { authorization: secret } },
    { method: 'GET', path: '/a', headers: { [`${secret.repeat(3)}:`]: secret } },
    { method: 'GET', path: '/a', query: secret },
    { [secret.repeat(3)]: 1 },
  ]) {
    expect(() => parseEvent(event, origin)).toThrow(RequestFailure);
    expect(() => parseEvent(event, origin)).not.toThrow(secret);
  }
});

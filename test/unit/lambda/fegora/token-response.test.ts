// What each response of Fegora means for a login.
import fc from 'fast-check';
import { assert, describe, expect, test } from 'vitest';
import { classOf, type FailureClass } from '../../../../lambda/broker/login/backoff.ts';
import type { LoginOutcome } from '../../../../lambda/broker/login/login-outcome.ts';
import { BrokerError, type ErrorCode } from '../../../../lambda/errors.ts';
import { interpret, type TokenResponse } from '../../../../lambda/fegora/token-response.ts';
import { full } from '../../../support/counts.ts';

const now = Date.parse('2026-11-24T12:00:00Z');
const context = { username: 'Ñandú-25365421', now };
const accessToken = 'not-a-real-token-7XLOCJyiMAs0ZxX_sUzeoDtcHmdxo3a5cTbkdz5';
const page = {
  access_token: accessToken,
  token_type: 'bearer',
  expires_in: 1799,
  refresh_token: 'not-a-real-refresh-0dbf0f4d26af41d5b163d3d90f8a1376',
  'as:client_id': 'apiApp',
  userName: context.username,
  '.issued': 'Tue, 24 Nov 2026 12:00:01 GMT',
  '.expires': 'Tue, 24 Nov 2026 12:30:01 GMT',
};

function answer(status: number, body: unknown, rest: Partial<TokenResponse> = {}): LoginOutcome {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return interpret({ status, body: bytes, ...rest }, context);
}

function success(changed: Readonly<Record<string, unknown>>): LoginOutcome {
  return answer(200, { ...page, ...changed });
}

/** The response of Fegora's page without one of its members. */
function without(member: keyof typeof page): LoginOutcome {
  return answer(200, Object.fromEntries(Object.entries(page).filter(([name]) => name !== member)));
}

/** Expects a failure with all members of the contract. Its error must not contain anything of the response. */
function expectFailure(
  outcome: LoginOutcome,
  code: ErrorCode,
  rest: Partial<Extract<LoginOutcome, { kind: 'failed' }>> & { readonly detail?: string } = {},
): void {
  const { detail, ...members } = rest;
  expect(outcome).toEqual({
    kind: 'failed',
    error: expect.any(BrokerError),
    reached: 'answered',
    answer: code,
    ...members,
  });
  if (outcome.kind === 'failed') {
    expect(outcome.error.code).toBe(code);
    expect(outcome.error.cause).toBeUndefined();
    expect(outcome.error.message).toBe(detail ?? outcome.error.message);
  }
}

describe('a response with status 200', () => {
  test('gives only the token, its lifetime and the skew when it is as on Fegora’s page', () => {
    expect(success({})).toEqual({ kind: 'issued', accessToken, lifetimeMs: 1_799_000, skewMs: 1000 });
  });

  test('gives the token when the body begins with a byte order mark', () => {
    const body = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(JSON.stringify(page))]);

    expect(answer(200, body)).toMatchObject({ kind: 'issued', accessToken });
  });

  test('gives the token when a description is in Latin-1', () => {
    const { userName: _, ...rest } = page;
    const body = Buffer.from(JSON.stringify({ ...rest, descripcion: 'sesión' }), 'latin1');

    expect(answer(200, body)).toMatchObject({ kind: 'issued', accessToken });
  });

  test('gives the token when there are unknown members, objects and prototype keys among them', () => {
    const body = JSON.stringify({ ...page, roles: { admin: [1] } }).replace('{', '{"__proto__":{"error":"x"},');

    expect(answer(200, body)).toMatchObject({ kind: 'issued', accessToken });
  });

  test.each([
    ['HTML', '<!DOCTYPE html><html></html>'],
    ['text', 'ok'],
    ['an empty body', ''],
    ['a truncated object', JSON.stringify(page).slice(0, -1)],
    ['an array', [page]],
    ['null', 'null'],
    ['a string', '"token"'],
    ['a number', '1'],
    ['UTF-16', Buffer.from(JSON.stringify(page), 'utf16le')],
    ['60,000 brackets', '['.repeat(60_000)],
  ])('is unusable when the body is %s', (_, body) => {
    expectFailure(answer(200, body), 'upstream_invalid_response', {
      detail: 'the token response is unusable: it is not a JSON object',
    });
  });

  test('is unusable when the body was not read (too long, encoded)', () => {
    const outcome = interpret({ status: 200, body: undefined }, context);

    expectFailure(outcome, 'upstream_invalid_response', {
      detail: 'the token response is unusable: it is not a JSON object',
    });
  });

  test('is unusable when the token is inside another object', () => {
    expectFailure(answer(200, { data: page }), 'upstream_invalid_response');
  });

  test.each([{ error: 'invalid_grant' }, { ...page, error: 'invalid_grant' }, { ...page, error: null }])(
    'promise 71: is a doubt about the password when it has an error member (%#)',
    (body) => {
      const detail = 'HTTP 200 with an error member';

      expectFailure(answer(200, body), 'upstream_rejected', { answer: 'doubt', detail });
    },
  );
});

describe('promise 35: the check of the token', () => {
  const detail = 'the token response is unusable: it has no usable access_token';
  const outOfASCII = Array.from({ length: 33 }, (_, code) => code).concat(0x7f, 0x80, 0xa0, 0xe9, 0x2028, 0x1_f600);

  test.each(outOfASCII)('refuses a token with the character %i', (code) => {
    for (const token of [
      `a${String.fromCodePoint(code)}b`,
      `ab${String.fromCodePoint(code)}`,
      String.fromCodePoint(code),
    ]) {
      expectFailure(success({ access_token: token }), 'upstream_invalid_response', { detail });
    }
  });

  test('accepts every other visible character', () => {
    const all = String.fromCodePoint(...Array.from({ length: 0x7e - 0x20 }, (_, index) => 0x21 + index));

    expect(success({ access_token: all })).toMatchObject({ kind: 'issued', accessToken: all });
  });

  test.each([
    ['an empty string', ''],
    ['a string of over 16 KiB', 'x'.repeat(16_385)],
    ['a number', 7],
    ['null', null],
    ['an object', {}],
  ])('refuses a token that is %s', (_, token) => {
    expectFailure(success({ access_token: token }), 'upstream_invalid_response', { detail });
  });

  test('refuses a response without a token', () =>
    expectFailure(without('access_token'), 'upstream_invalid_response', { detail }));

  test('accepts a token of exactly 16 KiB, or of one character', () => {
    for (const length of [1, 16_384]) {
      expect(success({ access_token: 'x'.repeat(length) })).toMatchObject({ kind: 'issued' });
    }
  });

  test.each(['mac', '', 'bearer ', null, 7, ['bearer']])('refuses the token_type %j', (type) => {
    const reason = 'the token response is unusable: its token_type is not bearer';

    expectFailure(success({ token_type: type }), 'upstream_invalid_response', { detail: reason });
  });

  test('refuses a response without a token_type', () =>
    expectFailure(without('token_type'), 'upstream_invalid_response'));

  test.each(['bearer', 'Bearer', 'BEARER'])('accepts the token_type %s', (type) => {
    expect(success({ token_type: type })).toMatchObject({ kind: 'issued' });
  });

  test.each(['43430775', '', `${context.username} `, null, 25365421, [context.username]])(
    'refuses a token of the userName %j',
    (userName) => {
      const reason = 'the token response is unusable: it has another userName than the one that logged in';

      expectFailure(success({ userName }), 'upstream_invalid_response', { detail: reason, answer: 'other_user' });
    },
  );

  test('accepts a userName in another case, or none', () => {
    expect(success({ userName: 'ñANDÚ-25365421' })).toMatchObject({ kind: 'issued' });
    expect(without('userName')).toMatchObject({ kind: 'issued' });
  });
});

describe('the lifetime of a token', () => {
  const dates = { '.issued': page['.issued'], '.expires': page['.expires'] };
  const none = { '.issued': undefined, '.expires': undefined };

  test.each([
    ['a number', { expires_in: 86_399, ...none }, 86_399_000],
    ['a string of digits', { expires_in: '1200', ...none }, 1_200_000],
    ['the shorter of two', { expires_in: 86_399, ...dates }, 1_800_000],
    ['only dates', { expires_in: undefined, ...dates }, 1_800_000],
    ['no member at all', { expires_in: undefined, ...none }, 60_000],
    ['true', { expires_in: true, ...none }, 60_000],
    ['null', { expires_in: null, ...none }, 60_000],
    ['dates that cannot be read', { expires_in: 1799, '.issued': 'ayer', '.expires': 'mañana' }, 1_799_000],
    ['1e18', { expires_in: 1e18, ...none }, 30 * 24 * 3_600_000],
    ['five seconds', { expires_in: 5, ...none }, 5000],
  ])('is read from %s', (_, claims, lifetimeMs) => {
    expect(success(claims)).toMatchObject({ kind: 'issued', lifetimeMs });
  });

  test.each([0, -1, '0', '-5', 'NaN', 4])('is unusable when expires_in is %j', (seconds) => {
    expectFailure(success({ expires_in: seconds }), 'upstream_invalid_response', {
      detail: 'the lifetime is under 5 s',
    });
  });
});

describe('the skew of Fegora’s clock', () => {
  test.each([
    ['negative when Fegora’s clock is behind', 'Tue, 24 Nov 2026 11:00:00 GMT', -3_600_000],
    ['0 when both clocks agree', 'Tue, 24 Nov 2026 12:00:00 GMT', 0],
    ['positive when Fegora’s clock is ahead', 'Tue, 24 Nov 2026 12:00:09 GMT', 9000],
  ])('is %s', (_, issued, skewMs) => {
    expect(success({ '.issued': issued })).toMatchObject({ kind: 'issued', skewMs });
  });

  test.each([undefined, 'ayer', 7, null])('is absent when .issued is %j', (issued) => {
    expect(success({ '.issued': issued, '.expires': undefined })).toStrictEqual({
      kind: 'issued',
      accessToken,
      lifetimeMs: 1_799_000,
    });
  });
});

describe('a response with status 400', () => {
  test.each([
    ['invalid_grant', 'credentials_rejected', 'invalid_grant'],
    ['invalid_clientId', 'client_rejected', 'client_rejected'],
    ['invalid_client', 'client_rejected', 'client_rejected'],
    ['unauthorized_client', 'client_rejected', 'client_rejected'],
    ['unsupported_grant_type', 'upstream_contract', 'upstream_contract'],
    ['invalid_request', 'upstream_contract', 'upstream_contract'],
  ] as const)('%s', (error, code, name) => {
    expectFailure(answer(400, { error, error_description: 'Texto.' }), code, { answer: name, detail: 'HTTP 400' });
    expectFailure(answer(400, { error }), code, { answer: name });
  });

  test('has the same meaning with a byte order mark, or with Latin-1 in its description', () => {
    expectFailure(answer(400, '\uFEFF{"error":"invalid_grant"}'), 'credentials_rejected', { answer: 'invalid_grant' });
    const body = Buffer.from('{"error":"invalid_grant","error_description":"contraseña"}', 'latin1');
    expectFailure(answer(400, body), 'credentials_rejected', { answer: 'invalid_grant' });
  });

  test.each([
    ['an unknown code', { error: 'account_disabled' }],
    ['a code in another case', { error: 'Invalid_Grant' }],
    ['a name that every object has', { error: 'constructor' }],
    ['no code', {}],
    ['a list of codes', { error: ['invalid_grant'] }],
    ['an array', [{ error: 'invalid_grant' }]],
    ['HTML', '<html>Bad Request</html>'],
    ['an empty body', ''],
  ])('promise 71: is a doubt about the password when the body has %s', (_, body) => {
    const detail = 'HTTP 400 with an unknown error';

    expectFailure(answer(400, body), 'upstream_rejected', { answer: 'doubt', detail });
  });

  test('promise 71: is a doubt about the password when the body was not read', () => {
    expectFailure(interpret({ status: 400 }, context), 'upstream_rejected', { answer: 'doubt' });
  });
});

describe('a response with another status', () => {
  test.each([
    ...[404, 405, 410, 413, 414, 415, 431].map((status) => [status, 'upstream_contract'] as const),
    ...[408, 425, 429].map((status) => [status, 'upstream_throttled'] as const),
    ...[500, 501, 503, 505, 520, 599].map((status) => [status, 'upstream_unavailable'] as const),
    ...[0, 100, 101, 201, 202, 204, 206, 299, 600, 999].map((status) => [status, 'upstream_invalid_response'] as const),
  ])('of %i is %s', (status, code) => {
    for (const body of [page, '']) {
      expectFailure(answer(status, body), code, { detail: `HTTP ${status}` });
    }
    expectFailure(interpret({ status }, context), code);
  });

  test.each([300, 301, 302, 303, 304, 307, 308, 399])(
    'promise 71: of %i is a doubt about the password, because it may lead to a page to log in',
    (status) => {
      expectFailure(answer(status, ''), 'upstream_redirect', { answer: 'doubt', detail: `HTTP ${status}` });
    },
  );

  test.each([201, 204, 404, 429, 500, 502, 503, 504])(
    'promise 71: of %i is a doubt about the password when the body says invalid_grant',
    (status) => {
      const outcome = answer(status, { error: 'invalid_grant' });

      expect(outcome).toMatchObject({ kind: 'failed', reached: 'answered', answer: 'doubt' });
    },
  );

  test.each([401, 402, 403, 406, 407, 409, 411, 412, 416, 418, 421, 422, 423, 426, 428, 430, 432, 451, 499])(
    'promise 71: of %i is a doubt about the password, whatever the body says',
    (status) => {
      for (const body of [page, { error: 'invalid_grant' }, { error: 'invalid_client' }, '<html>', '']) {
        expectFailure(answer(status, body), 'upstream_rejected', { answer: 'doubt', detail: `HTTP ${status}` });
      }
      expectFailure(interpret({ status }, context), 'upstream_rejected', { answer: 'doubt' });
    },
  );

  test.each([502, 504])('of %i leaves open whether the login happened', (status) => {
    expectFailure(answer(status, '', { contentType: 'text/html' }), 'upstream_unavailable', { reached: 'unknown' });
  });

  test.each(['text/html', 'text/html; charset=utf-8', 'TEXT/HTML'])(
    'of 500 with the content type %s is an error page',
    (contentType) => {
      expectFailure(answer(500, '', { contentType }), 'upstream_unavailable', { answer: 'html_500' });
    },
  );

  test.each(['application/json', 'text/htmlx', 'not text/html', undefined])(
    'of 500 with the content type %s is not an error page',
    (contentType) => {
      expectFailure(answer(500, '<html>', { contentType }), 'upstream_unavailable', { answer: 'upstream_unavailable' });
    },
  );

  test('of 503 with HTML is not the error page of a 500', () => {
    const outcome = answer(503, '', { contentType: 'text/html' });

    expectFailure(outcome, 'upstream_unavailable', { answer: 'upstream_unavailable' });
  });
});

describe('the header Retry-After', () => {
  test.each([
    ['0', 0],
    ['7', 7000],
    ['31536000', 31_536_000_000],
    ['999999999999', 999_999_999_999_000],
    ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
    ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
    ['Wed, 24 Nov 2027 12:00:00 GMT', 365 * 24 * 3_600_000],
  ])('is read when it is %s', (retryAfter, retryAfterMs) => {
    for (const [status, code] of [
      [503, 'upstream_unavailable'],
      [500, 'upstream_unavailable'],
      [429, 'upstream_throttled'],
    ] as const) {
      expectFailure(answer(status, '', { retryAfter }), code, { retryAfterMs });
    }
    expectFailure(answer(502, '', { retryAfter }), 'upstream_unavailable', { reached: 'unknown', retryAfterMs });
  });

  test.each([
    ...['', ' ', '-1', '1.5', '1e3', '+7', '0x10', 'soon', 'soon 7', '7 soon', '7,8', '9999999999999', 'NaN'],
    ...['2026-11-24T12:00:30Z', 'Tue, 99 Nov 2026 12:00:30 GMT', 'Tue, 24 Xyz 2026 12:00:30 GMT'],
    ...['X Tue, 24 Nov 2026 12:00:30 GMT', 'Tue, 24 Nov 2026 12:00:30 GMT+0100', 'Tue Nov 24 12:00:30 2026'],
    undefined,
  ])('is ignored when it is %j', (retryAfter) => {
    expectFailure(answer(503, '', { retryAfter }), 'upstream_unavailable');
    expect(answer(503, '', { retryAfter })).not.toHaveProperty('retryAfterMs');
  });

  test.each([201, 302, 400, 401, 403, 404, 423, 451])('promise 72: is read when the status is %i', (status) => {
    expect(answer(status, '', { retryAfter: '7' })).toMatchObject({ kind: 'failed', retryAfterMs: 7000 });
  });

  test('promise 72: is read when a 400 is a refusal, and when a 200 has no token', () => {
    const rest = { retryAfter: '7' };

    expectFailure(answer(400, { error: 'invalid_grant' }, rest), 'credentials_rejected', {
      answer: 'invalid_grant',
      retryAfterMs: 7000,
    });
    expectFailure(answer(200, 'ok', rest), 'upstream_invalid_response', { retryAfterMs: 7000 });
    expectFailure(answer(200, { error: 'x' }, rest), 'upstream_rejected', { answer: 'doubt', retryAfterMs: 7000 });
  });

  test('is ignored when the response has a token', () => {
    expect(answer(200, page, { retryAfter: '7' })).toEqual(answer(200, page));
  });
});

const canary = 'canary-not-a-real-secret';

/** Bodies from almost right to nonsense. */
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.json().map((text) => Buffer.from(text)),
  fc
    .dictionary(
      fc.constantFrom(...Object.keys(page), 'error', '__proto__', 'constructor'),
      fc.oneof(
        fc.jsonValue(),
        fc.constantFrom(canary, 'bearer', context.username, 'invalid_grant', '1799', page['.issued']),
      ),
    )
    .map((members) => Buffer.from(JSON.stringify({ ...page, ...members }))),
  fc
    .tuple(fc.nat({ max: 380 }), fc.nat({ max: 255 }))
    .map(([at, byte]) =>
      Uint8Array.from(Buffer.from(JSON.stringify(page)), (old, index) => (index === at ? byte : old)),
    ),
);

const responses = fc.record(
  {
    status: fc.oneof(fc.constantFrom(200, 200, 200, 400, 400, 500, 503, 429), fc.integer({ min: 0, max: 999 })),
    contentType: fc.oneof(fc.constantFrom('text/html', 'application/json'), fc.string()),
    retryAfter: fc.oneof(
      fc.constantFrom('7', '1e9', 'Tue, 24 Nov 2026 12:00:30 GMT'),
      fc.string(),
      fc.constant(canary),
    ),
    body: bodies,
  },
  { requiredKeys: ['status'] },
);

describe('promise 71: the class of a response', () => {
  /** The class of a status whose body says nothing. */
  function classOfStatus(status: number): FailureClass {
    switch (status) {
      case 502:
      case 504:
        return 'unknown';
      case 408:
      case 425:
      case 429:
        return 'throttled';
      case 404:
      case 405:
      case 410:
      case 413:
      case 414:
      case 415:
      case 431:
        return 'other';
      default:
        return (['doubt', 'doubt', 'unavailable'] as const)[Math.floor(status / 100) - 3] ?? 'other';
    }
  }

  const classed = (status: number, body: unknown, rest: Partial<TokenResponse> = {}): FailureClass | 'issued' => {
    const outcome = answer(status, body, rest);
    assert(outcome.kind !== 'withheld');
    return outcome.kind === 'issued' ? 'issued' : classOf(outcome);
  };

  test('promise 71: is that of the status for every status from 201 to 599, unless the body says invalid_grant', () => {
    const statuses = Array.from({ length: 399 }, (_, index) => 201 + index).filter((status) => status !== 400);
    for (const body of ['', '<html>', {}, { error: 'account_locked' }, page]) {
      for (const contentType of [undefined, 'text/html', 'application/json']) {
        const rest = contentType === undefined ? {} : { contentType };
        const classes = statuses.map((status) => [status, classed(status, body, rest)]);

        expect(classes).toEqual(statuses.map((status) => [status, classOfStatus(status)]));
      }
    }
    const refused = statuses.map((status) => classed(status, { error: 'invalid_grant' }));
    expect(new Set(refused)).toEqual(new Set(['doubt']));
  });

  test('promise 71: is doubt when a 200 is a page, because it may be the one to log in', () => {
    expect(classed(200, '<html>', { contentType: 'text/html; charset=utf-8' })).toBe('doubt');
    for (const contentType of ['text/plain', 'not text/html', 'text/htmlx']) {
      expect(classed(200, '<html>', { contentType })).toBe('other');
    }
    expect(classed(200, '<html>')).toBe('other');
  });

  test.each([
    [200, page, 'issued'],
    [200, { error: 'invalid_grant' }, 'doubt'],
    [200, {}, 'other'],
    [400, { error: 'invalid_grant' }, 'refused'],
    [400, { error: 'account_locked' }, 'doubt'],
    [400, {}, 'doubt'],
    [400, '<html>', 'doubt'],
    [400, '', 'doubt'],
    [400, { error: 'invalid_clientId' }, 'other'],
    [400, { error: 'invalid_client' }, 'other'],
    [400, { error: 'unauthorized_client' }, 'other'],
    [400, { error: 'unsupported_grant_type' }, 'other'],
    [400, { error: 'invalid_request' }, 'other'],
  ] as const)('promise 71: with status %i and body %j is %s, whatever the content type', (status, body, name) => {
    for (const contentType of [undefined, 'text/html', 'text/plain', 'application/json; charset=utf-8', 'nonsense']) {
      expect(classed(status, body, { contentType })).toBe(name);
    }
  });

  test('promise 71: is one of the known ones for every status and any body', () => {
    const known = ['refused', 'doubt', 'throttled', 'unavailable', 'unknown', 'other', 'issued'];
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), bodies, (status, body) => {
        const name = classed(status, body);

        expect(known).toContain(name);
        expect(name === 'issued' && status !== 200).toBe(false);
        expect(name === 'refused' && status !== 400).toBe(false);
      }),
      { numRuns: full(50_000, 5000) },
    );
  });
});

test('promise 46: any response gives an outcome of the contract that repeats nothing of the response', () => {
  fc.assert(
    fc.property(responses, (response) => {
      const outcome = interpret(response, context);
      if (outcome.kind === 'issued') {
        expect(response.status).toBe(200);
        expect(outcome.accessToken).toMatch(/^[\x21-\x7e]+$/);
        expect(outcome.lifetimeMs).toBeGreaterThanOrEqual(5000);
        expect(outcome.lifetimeMs).toBeLessThanOrEqual(30 * 24 * 3_600_000);
        expect(outcome.skewMs ?? 0).toSatisfy(Number.isFinite);
        return;
      }
      expect(outcome.error).toBeInstanceOf(BrokerError);
      expect(outcome.error.code).toMatch(/^(upstream_|credentials_rejected$|client_rejected$)/);
      expect(outcome.error.cause).toBeUndefined();
      expect(`${outcome.error.stack}${JSON.stringify(outcome)}`).not.toContain(canary);
      expect(outcome.retryAfterMs ?? 0).toSatisfy((ms: number) => Number.isFinite(ms) && ms >= 0);
    }),
    { numRuns: full(100_000, 5000) },
  );
}, 600_000);

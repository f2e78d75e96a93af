// The error codes of the contract, and the body of an error answer.
import { describe, expect, it } from 'vitest';
import {
  asBrokerError,
  BrokerError,
  type ErrorCode,
  invalidRequest,
  isErrorCode,
  unknownMember,
} from '../../../lambda/errors.ts';

/** A second copy of the contract: code, status, and whether a retry may help. */
const contract = {
  invalid_request: [400, false],
  invalid_account: [400, false],
  forbidden: [403, false],
  unknown_account: [404, false],
  too_many_rejections: [429, true],
  throttled: [429, true],
  internal: [500, false],
  configuration: [500, false],
  secret_malformed: [500, false],
  secret_missing: [500, false],
  duplicate_user: [500, false],
  credentials_missing: [500, false],
  credentials_rejected: [502, false],
  client_rejected: [502, false],
  upstream_contract: [502, false],
  upstream_rejected: [502, false],
  upstream_redirect: [502, false],
  upstream_tls: [502, false],
  upstream_invalid_response: [502, false],
  upstream_unavailable: [503, true],
  upstream_timeout: [503, true],
  upstream_throttled: [503, true],
  renewal_in_progress: [503, true],
  secret_unavailable: [503, true],
  table_unavailable: [503, true],
  too_many_refusals: [503, true],
  login_budget: [503, true],
  paused: [503, true],
  deadline: [503, true],
} as const satisfies Record<ErrorCode, readonly [number, boolean]>;

const codes = Object.keys(contract).filter(isErrorCode);

describe('an error code', () => {
  it.each(Object.entries(contract))(
    '%s has the status and the retryability of the contract',
    (code, [status, retryable]) => {
      const error = isErrorCode(code) ? new BrokerError(code, 'a detail') : undefined;
      expect(error).toMatchObject({ status, retryable });
    },
  );

  it('is recognized by its name, and no other value is', () => {
    expect(codes).toHaveLength(29);
    expect(['', 'Internal', 'toString', '__proto__', 500, null, undefined].filter(isErrorCode)).toEqual([]);
  });
});

describe('the body of an error answer', () => {
  it.each(codes)('of %s contains the members of the contract, and not the detail', (code) => {
    const body = new BrokerError(code, 'a detail', { cause: new Error('a cause') }).toBody('request-1');
    const [, retryable] = contract[code];
    expect(body).toEqual({
      error: code,
      error_description: expect.stringMatching(/^[A-Z][\x20-\x7e]+\.$/),
      retryable,
      ...(retryable && { retry_after: 1 }),
      request_id: 'request-1',
    });
    expect(JSON.stringify(body)).not.toMatch(/detail|a cause/);
  });

  it.each([
    [undefined, 1],
    [0, 1],
    [1, 1],
    [1000, 1],
    [1001, 2],
    [299_500, 300],
  ])('turns a retryAfterMs of %s into a retry_after of %s s', (retryAfterMs, seconds) => {
    const options = retryAfterMs === undefined ? {} : { retryAfterMs };
    expect(new BrokerError('upstream_throttled', 'held', options).toBody('r').retry_after).toBe(seconds);
  });

  it('has no retry_after when a retry cannot help', () => {
    expect(new BrokerError('credentials_rejected', 'held', { retryAfterMs: 1000 }).toBody('r')).not.toHaveProperty(
      'retry_after',
    );
  });
});

describe('the body of an invalid_request', () => {
  it('promise 62: says what is wrong and names the member', () => {
    expect(invalidRequest('want is neither token nor metadata', 'want').toBody('r')).toEqual({
      error: 'invalid_request',
      error_description: 'The request is not of the form this API takes: want is neither token nor metadata.',
      member: 'want',
      retryable: false,
      request_id: 'r',
    });
  });

  it('promise 62: names no member when the whole is wrong', () => {
    const body = invalidRequest('the body is over 1 KB').toBody('r');
    expect(body.error_description).toMatch(/: the body is over 1 KB\.$/);
    expect(body).not.toHaveProperty('member');
  });

  it.each(['minValidity', 'min-validity', '__proto__', 'a'.repeat(32)])(
    'promise 62: repeats an unknown name that looks like the name of a member, and not in the log: %s',
    (name) => {
      const error = unknownMember('body', name);
      expect(error.toBody('r')).toMatchObject({
        error_description: expect.stringMatching(new RegExp(`: the body has an unknown member, ${name}\\.$`)),
        member: name,
      });
      expect(error.message).toBe('the body has an unknown member');
    },
  );

  it.each(['', ' want', 'want.', 'wänt', 'p4ssw0rd', 'a'.repeat(33), '<b>', 'a"b', 'line\nfeed', '-x'])(
    'does not repeat an unknown name that may be something else: %j',
    (name) => {
      const body = unknownMember('body', name).toBody('r');
      expect(body.error_description).toMatch(/: the body has an unknown member\.$/);
      expect(body).not.toHaveProperty('member');
    },
  );
});

describe('a thrown value', () => {
  it('is returned as it is when it is a BrokerError', () => {
    const error = new BrokerError('paused', 'paused');
    expect(asBrokerError(error)).toBe(error);
  });

  it.each([new Error('boom'), 'boom', undefined, null, { code: 'paused' }])(
    'becomes an internal error when it is not a BrokerError: %s',
    (thrown) => {
      const error = asBrokerError(thrown);
      expect(error).toMatchObject({ code: 'internal', cause: thrown });
      expect(error.message).not.toContain('boom');
    },
  );
});

// Tests what is written of a login that failed (refusalOf and failureOf in lambda/broker/login/lease-records.ts).
import { describe, expect, test } from 'vitest';
import { hourMs, minuteMs } from '../../../../../lambda/broker/clock.ts';
import { failureOf, type LoginOrder, refusalOf } from '../../../../../lambda/broker/login/lease-records.ts';
import type { FailedLogin } from '../../../../../lambda/broker/login/login-outcome.ts';
import type { Claim } from '../../../../../lambda/broker/ports.ts';
import { failedLogin, itemWith, noon, orderWith, otherKey, ownKey } from '../../../../support/core/login-order.ts';

const now = noon;
const at = now + 700;
const own = (ms: number) => ({ at: ms, tag: 'aaaaaaaa' });
const before = { sends: [{ at: now - hourMs, tag: 'bbbbbbbb' }], logins: [{ at: now - hourMs, tag: '' }] };
const claimedSends = [...before.sends, own(now)];
const claim: Claim = {
  ...{ owner: 'owner-1', now, leaseUntil: now + 15_000, dropToken: false },
  ...{ sends: claimedSends, logins: [...before.logins, { at: now, tag: '' }] },
};

const unavailable = failedLogin('upstream_unavailable');
const unsent = failedLogin('upstream_tls', { reached: 'no' });
const unanswered = failedLogin('upstream_timeout', { reached: 'unknown' });
const doubt = failedLogin('upstream_rejected', { answer: 'doubt' });
const html500 = failedLogin('upstream_unavailable', { answer: 'html_500' });
const refused = failedLogin('credentials_rejected', { answer: 'invalid_grant' });

function orderAfter(item: Parameters<typeof itemWith>[0], parts: Partial<LoginOrder> = {}): LoginOrder {
  return orderWith({ item: itemWith({ ...before, ...item }), ...parts });
}

const failureAfter = (order: LoginOrder, failed: FailedLogin, random = 0) =>
  failureOf(order, claim, { failed, at, random, isSlow: false });

describe('the end of a claim whose credentials were refused', () => {
  const refusal = {
    ...{ kind: 'fail', owner: 'owner-1', endLease: true, error: { code: 'credentials_rejected', at } },
    ...{ sends: claimedSends, logins: before.logins, isSlow: true },
  };
  const refusalAfter = (retryAfterMs?: number) =>
    refusalOf(orderAfter({}), claim, {
      failed: { ...refused, ...(retryAfterMs !== undefined && { retryAfterMs }) },
      at,
      isSlow: true,
    });

  test('counts the send, takes the login back and sets no back-off when Fegora asked for no time', () => {
    expect(refusalAfter()).toStrictEqual(refusal);
  });

  test.each([
    [40_000, 40_000],
    [301_000, 300_000],
  ])('sets a back-off when Fegora asked for %i ms: of %i ms', (askedMs, waitMs) => {
    const backoff = { code: 'credentials_rejected', answer: 'invalid_grant', failures: { refused: 1 } };

    expect(refusalAfter(askedMs)).toStrictEqual({ ...refusal, backoff: { ...backoff, retryAt: at + waitMs } });
  });
});

describe('a login that Fegora answered with a failure', () => {
  const failure = {
    ...{ kind: 'fail', owner: 'owner-1', endLease: true, error: { code: 'upstream_unavailable', at } },
    backoff: {
      ...{ retryAt: at + 5000, code: 'upstream_unavailable', answer: 'upstream_unavailable' },
      failures: { unavailable: 1 },
    },
    ...{ isSlow: false, ...before },
  };

  test('ends the lease, sets a back-off and counts neither send nor login when the answer is not about the password', () => {
    expect(failureAfter(orderAfter({}), unavailable)).toStrictEqual({ failure, retryAt: at + 5000, isBroken: false });
  });

  test('sets the next renewal to a minute later too when the login was ahead of need', () => {
    expect(failureAfter(orderAfter({}, { isBackground: true }), unavailable).failure).toStrictEqual({
      ...failure,
      renewAt: at + minuteMs,
    });
  });

  test('says that Fegora is slow when the answer was late', () => {
    const { failure: slow } = failureOf(orderAfter({}), claim, { failed: unavailable, at, random: 0, isSlow: true });

    expect(slow.isSlow).toBe(true);
  });

  test('counts failures of its class on and keeps the others when there were some', () => {
    const order = orderAfter({ failures: { unavailable: 12, unknown: 1 } });
    const { failure: next, retryAt } = failureAfter(order, unavailable);

    expect(next.backoff?.failures).toEqual({ unavailable: 13, unknown: 1 });
    expect(retryAt).toBe(at + 10_000);
  });

  test('spreads the back-off when the random number is not 0', () => {
    expect(failureAfter(orderAfter({}), unavailable, 0.5).retryAt).toBe(at + 5625);
  });

  test('does not wait for the lease when it has an answer, also if the login could have been cut', () => {
    expect(failureAfter(orderAfter({}, { cutAfterSendMs: 2000 }), unavailable).retryAt).toBe(at + 5000);
  });

  test('counts the send and takes the login back when the answer puts the password in doubt', () => {
    expect(failureAfter(orderAfter({}), doubt).failure).toMatchObject({
      backoff: { retryAt: at + minuteMs, failures: { doubt: 1 } },
      sends: claimedSends,
      logins: before.logins,
    });
  });

  test('counts the send and takes the login back when the answer refuses the password', () => {
    expect(failureAfter(orderAfter({}), refused).failure).toMatchObject({ sends: claimedSends, logins: before.logins });
  });
});

describe('an account that may be broken', () => {
  const brokenAfter = (unavailableBefore: number, failedAnswer: string, failed = html500) =>
    failureAfter(orderAfter({ failures: { unavailable: unavailableBefore }, failedAnswer }), failed).isBroken;

  test('is reported when this is the third HTML 500 in a row', () => {
    expect(brokenAfter(2, 'html_500')).toBe(true);
    expect(brokenAfter(1, 'html_500')).toBe(false);
  });

  test('is not reported when the failure before was, or this one is, another answer', () => {
    expect(brokenAfter(2, 'upstream_unavailable')).toBe(false);
    expect(brokenAfter(2, 'upstream_unavailable', unavailable)).toBe(false);
  });
});

describe('a login that was not sent', () => {
  test('restores the logs, counts no failure and ends the lease when the connection broke', () => {
    const order = orderAfter({ failures: { unknown: 2 } });

    expect(failureAfter(order, unsent).failure).toStrictEqual({
      ...{ kind: 'fail', owner: 'owner-1', endLease: true, error: { code: 'upstream_tls', at } },
      backoff: { retryAt: at + 5000, code: 'upstream_tls', answer: 'upstream_tls', failures: { unknown: 2 } },
      ...{ isSlow: false, ...before },
    });
  });

  test('restores the time of the retry when rejected credentials were retried', () => {
    const order = orderAfter({ retryRejectedAt: now - 9 }, { isRetry: true });

    expect(failureAfter(order, unsent).failure).toMatchObject({ ...before, retryRejectedAt: now - 9 });
  });
});

describe('a login whose answer is unknown', () => {
  const failure = {
    ...{ kind: 'fail', owner: 'owner-1', endLease: false, error: { code: 'upstream_timeout', at } },
    backoff: {
      ...{ retryAt: now + 17_000, code: 'upstream_timeout', answer: 'upstream_timeout' },
      failures: { unknown: 1 },
    },
    sends: before.sends,
  };

  test('keeps the lease and its login, and allows the next login 2 s after the lease, when it listened its time', () => {
    expect(failureAfter(orderAfter({}), unanswered)).toStrictEqual({ failure, retryAt: now + 17_000, isBroken: false });
  });

  test('allows the next login 2 s after the longer lease when the lease was extended', () => {
    const extended = { ...claim, leaseUntil: now + 28_000 };
    const { retryAt } = failureOf(orderAfter({}), extended, { failed: unanswered, at, random: 0, isSlow: false });

    expect(retryAt).toBe(now + 30_000);
  });

  test('allows the next login when the back-off ends if that is later', () => {
    expect(failureAfter(orderAfter({ failures: { unknown: 5 } }), unanswered).retryAt).toBe(at + 34_000);
  });

  test('allows the next login 28 s after the claim and calls Fegora slow when it was cut', () => {
    const { failure: cut, retryAt } = failureAfter(orderAfter({}, { cutAfterSendMs: 2000 }), unanswered);

    expect(retryAt).toBe(now + 28_000);
    expect(cut).toMatchObject({ isSlow: true, backoff: { retryAt: now + 28_000 } });
  });

  test('does not call Fegora slow any more when a patient login listened in vain', () => {
    expect(failureAfter(orderAfter({}, { patientMs: 21_000 }), unanswered).failure.isSlow).toBe(false);
  });

  test('counts the send when the invocation had too little time to hear a refusal', () => {
    const cutShort = (patientMs: number, lastGood?: string) =>
      failureAfter(orderAfter(lastGood === undefined ? {} : { lastGood }, { patientMs }), unanswered).failure.sends;

    expect(cutShort(20_999)).toEqual(claimedSends);
    expect(cutShort(20_999, otherKey)).toEqual(claimedSends);
    expect(cutShort(21_000)).toEqual(before.sends);
    expect(cutShort(20_999, ownKey)).toEqual(before.sends);
  });
});

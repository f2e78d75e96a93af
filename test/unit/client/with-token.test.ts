// Tests what fegora-fetch.ts does not use of client/with-token.ts: why a 401 is the answer. fegora-fetch.test.ts has the rest.
import { expect, test } from 'vitest';
import { TokenBrokerError } from '../../../client/errors.ts';
import type { TokenClient } from '../../../client/token-client.ts';
import { withToken } from '../../../client/with-token.ts';
import { fingerprintOf, noon } from '../../support/client/broker.ts';

/** Sends requests that are all answered with 401. After a report, the broker fails, or has the same token. */
function refused(failure: Error | undefined) {
  let at = noon;
  let reports = 0;
  const tokens: TokenClient = {
    getToken: async ({ rejected } = {}) => {
      reports += rejected === undefined ? 0 : 1;
      if (rejected !== undefined && failure !== undefined) {
        throw failure;
      }
      return { accessToken: 'token-a', fingerprint: fingerprintOf('token-a'), expiresAt: noon, account: 'a' };
    },
  };
  const send = withToken(tokens, () => at);
  return {
    send: () => send({ send: async () => ({ status: 401 }), isReplayable: true }),
    skip: (ms: number) => {
      at += ms;
    },
    reports: () => reports,
  };
}

test('a 401 has the failure of the broker until the token is reported again', async () => {
  const failure = new TokenBrokerError('upstream_unavailable', 'Fegora is unavailable.', { retryable: true });
  const { send, skip, reports } = refused(failure);

  expect(await send()).toEqual({ answer: { status: 401 }, failure });
  skip(4_999);
  expect(await send()).toEqual({ answer: { status: 401 }, failure });
  expect(reports()).toBe(1);
  skip(1);
  expect(await send()).toEqual({ answer: { status: 401 }, failure });
  expect(reports()).toBe(2);
});

test('a 401 has no failure if the broker has no other token', async () => {
  const { send, reports } = refused(undefined);

  expect(await send()).toEqual({ answer: { status: 401 } });
  expect(await send()).toEqual({ answer: { status: 401 } });
  expect(reports()).toBe(1);
});

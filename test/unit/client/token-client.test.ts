import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { TokenBrokerError } from '../../../client/errors.ts';
import { tokenClient } from '../../../client/token-client.ts';
import type { TokenRequest, TokenResponse, Transport } from '../../../client/token-response.ts';
import { fingerprintOf } from '../../support/client/broker.ts';
import { createVirtualClock, settle } from '../../support/virtual-clock.ts';

/** A transport whose responses the test gives by hand. */
function manualTransport() {
  const sent: (PromiseWithResolvers<TokenResponse> & { request: TokenRequest; signal: AbortSignal })[] = [];
  const transport: Transport = (request, signal) => {
    const response = Promise.withResolvers<TokenResponse>();
    signal.addEventListener('abort', () => response.reject(signal.reason));
    sent.push({ ...response, request, signal });
    return response.promise;
  };
  const last = () => {
    const request = sent.at(-1);
    if (request === undefined) {
      throw new Error('no request was sent');
    }
    return request;
  };
  return { transport, sent, last };
}

function start() {
  const time = createVirtualClock();
  const broker = manualTransport();
  const { getToken } = tokenClient(broker.transport, { ...time, random: () => 0 });
  return { ...time, ...broker, getToken };
}

/** A client that has cached token-a, with this many seconds of validity left. */
async function withCachedToken(expiresIn: number) {
  const client = start();
  const first = client.getToken();
  client.last().resolve(token('token-a', expiresIn));
  await first;
  return client;
}

function token(accessToken: string, expiresIn: number): TokenResponse {
  return { accessToken, expiresIn, fingerprint: fingerprintOf(accessToken), account: 'a' };
}

const unavailable = (retryAfter?: number) =>
  new TokenBrokerError('upstream_unavailable', 'down', { retryable: true, retryAfter });
const unreachable = () => new TokenBrokerError('broker_unreachable', 'gone', { retryable: true });
const refused = () => new TokenBrokerError('credentials_rejected', 'no');

describe('getToken', () => {
  test('sends one request for 50 calls at the same time, and gives all the same token', async () => {
    const { getToken, sent, last } = start();
    const calls = Array.from({ length: 50 }, () => getToken());
    await settle();
    last().resolve(token('token-a', 1799));

    expect(new Set((await Promise.all(calls)).map(({ accessToken }) => accessToken))).toEqual(new Set(['token-a']));
    expect(sent).toHaveLength(1);
  });

  test('returns the cached token after the first request', async () => {
    const { getToken, sent } = await withCachedToken(1799);

    await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-a', fingerprint: fingerprintOf('token-a') });
    expect(sent).toHaveLength(1);
  });

  test('rejects all waiting calls after a failure, and does not keep the failure', async () => {
    const { getToken, sent, last } = start();
    const calls = [getToken(), getToken()];
    last().reject(refused());
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: 'credentials_rejected', retryable: false });
    }
    const next = getToken();
    last().resolve(token('token-a', 1799));

    await expect(next).resolves.toMatchObject({ accessToken: 'token-a' });
    expect(sent).toHaveLength(2);
  });
});

describe('a signal', () => {
  test('ends only its own call when other calls share the request', async () => {
    const { getToken, last } = start();
    const controller = new AbortController();
    const aborted = getToken({ signal: controller.signal });
    const stays = getToken();
    controller.abort(new Error('aborted by the caller'));

    await expect(aborted).rejects.toThrow('aborted by the caller');
    expect(last().signal.aborted).toBe(false);
    last().resolve(token('token-a', 1799));
    await expect(stays).resolves.toMatchObject({ accessToken: 'token-a' });
  });

  test('causes no leak warning when 50 calls share it', async () => {
    const { getToken, last } = start();
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    // Node 20 has this limit for signals. An EventTarget of the caller has it in every version.
    const { signal } = new AbortController();
    setMaxListeners(10, signal);
    const calls = Array.from({ length: 50 }, () => getToken({ signal }));
    await settle();
    last().resolve(token('token-a', 1799));
    await Promise.all(calls);
    process.off('warning', note);

    expect(warnings).toEqual([]);
  });

  test('aborts the request when the last call leaves, and the next call sends a new one', async () => {
    const { getToken, sent } = start();
    const controller = new AbortController();
    const aborted = getToken({ signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toThrow('aborted');

    expect(sent[0]?.signal.aborted).toBe(true);
    const next = getToken();
    sent[1]?.resolve(token('token-a', 1799));
    await expect(next).resolves.toMatchObject({ accessToken: 'token-a' });
  });

  test('rejects the call without a request or a cached token when it has aborted before', async () => {
    const { getToken, sent } = await withCachedToken(1799);

    await expect(getToken({ signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    expect(sent).toHaveLength(1);
  });

  test('ends the pause before the next attempt', async () => {
    const { getToken, sent, last, advance } = start();
    const controller = new AbortController();
    const aborted = getToken({ signal: controller.signal });
    last().reject(unavailable(5));
    await settle();
    controller.abort(new Error('aborted by the caller'));
    await expect(aborted).rejects.toThrow('aborted by the caller');
    await advance(60_000);

    expect(sent).toHaveLength(1);
  });
});

describe('retry', () => {
  test('repeats a retryable failure after the time that the broker named', async () => {
    const { getToken, sent, last, advance } = start();
    const call = getToken();
    last().reject(unavailable(7));
    await advance(6_999);
    expect(sent).toHaveLength(1);
    await advance(1);
    expect(sent).toHaveLength(2);
    last().resolve(token('token-a', 1799));

    await expect(call).resolves.toMatchObject({ accessToken: 'token-a' });
  });

  test('waits longer after each attempt when the broker names no time', async () => {
    const { getToken, sent, last, advance } = start();
    const call = getToken();
    for (const pauseMs of [1000, 2000, 4000, 8000, 8000]) {
      last().reject(unavailable());
      await advance(pauseMs - 1);
      const before = sent.length;
      await advance(1);
      expect(sent.length).toBe(before + 1);
    }
    last().reject(unavailable());

    await expect(call).rejects.toMatchObject({ code: 'upstream_unavailable' });
  });

  test('does not wait when the broker names a time after the time limit', async () => {
    const { getToken, sent, last } = start();
    const call = getToken();
    last().reject(unavailable(300));

    await expect(call).rejects.toMatchObject({ retryable: true, retryAfter: 300 });
    expect(sent).toHaveLength(1);
  });

  test.each([
    ['a refusal that is not retryable', refused()],
    ['an unreachable broker', unreachable()],
    ['an unknown error', new Error('a fault of the client')],
  ])('does not repeat %s', async (_, failure) => {
    const { getToken, sent, last, advance } = start();
    const call = getToken();
    last().reject(failure);

    await expect(call).rejects.toBe(failure);
    await advance(60_000);
    expect(sent).toHaveLength(1);
  });

  test('gives up after 30 s when the transport ignores its signal', async () => {
    const clock = createVirtualClock();
    const ignoring: Transport = () => new Promise(() => {});
    const call = expect(tokenClient(ignoring, { ...clock, random: () => 0 }).getToken()).rejects.toMatchObject({
      code: 'broker_unreachable',
    });
    await clock.advance(30_000);

    await call;
  }, 2_000);

  test('gives up after 30 s when the broker never answers', async () => {
    const { getToken, sent, advance } = start();
    const call = expect(getToken()).rejects.toMatchObject({ code: 'broker_unreachable', retryable: true });
    await advance(30_000);

    await call;
    expect(sent[0]?.signal.aborted).toBe(true);
  });
});

describe('early renewal', () => {
  test('lets one call wait for the new token, and gives the others the cached one', async () => {
    const { getToken, sent, last, advance } = await withCachedToken(1799);
    await advance(1_500_000);
    const renewing = getToken();
    const others = await Promise.all([getToken(), getToken()]);
    last().resolve(token('token-b', 1799));

    expect(others.map(({ accessToken }) => accessToken)).toEqual(['token-a', 'token-a']);
    await expect(renewing).resolves.toMatchObject({ accessToken: 'token-b' });
    expect(sent).toHaveLength(2);
  });

  test.each([
    ['unreachable', unreachable()],
    ['refused', refused()],
  ])('returns the cached token and starts a cooldown of 30 s when the broker is %s', async (_, failure) => {
    const { getToken, sent, last, advance } = await withCachedToken(1799);
    await advance(1_500_000);
    const renewing = getToken();
    last().reject(failure);
    await expect(renewing).resolves.toMatchObject({ accessToken: 'token-a' });
    await advance(29_999);
    await getToken();
    expect(sent).toHaveLength(2);
    await advance(1);
    const next = getToken();
    expect(sent).toHaveLength(3);
    last().resolve(token('token-b', 1799));

    await expect(next).resolves.toMatchObject({ accessToken: 'token-b' });
  });

  test('extends the cooldown when the broker names a longer time', async () => {
    const { getToken, sent, last, advance } = await withCachedToken(1799);
    await advance(1_500_000);
    const renewing = getToken();
    last().reject(unavailable(120));
    await renewing;
    await advance(119_999);
    await getToken();

    expect(sent).toHaveLength(2);
  });

  test('returns the cached token and starts a cooldown when the signals abort before a silent broker answers', async () => {
    const { getToken, sent, advance } = await withCachedToken(1799);
    await advance(1_550_000);
    for (let call = 0; call < 4; call += 1) {
      const controller = new AbortController();
      const served = getToken({ signal: controller.signal });
      await advance(500);
      controller.abort(new Error('aborted by the caller'));
      await expect(served).resolves.toMatchObject({ accessToken: 'token-a' });
    }

    expect(sent).toHaveLength(2);
    expect(sent[1]?.signal.aborted).toBe(true);
  });

  test('returns the cached token after 1 s when the broker is silent', async () => {
    const { getToken, sent, advance } = await withCachedToken(1799);
    await advance(1_500_000);
    const renewing = getToken();
    await advance(1_000);

    await expect(renewing).resolves.toMatchObject({ accessToken: 'token-a' });
    expect(sent[1]?.signal.aborted).toBe(true);
  });

  test('returns the cached token until its margin, and not longer, when the broker stays unreachable', async () => {
    const { getToken, last, advance } = await withCachedToken(1799);
    let served = 0;
    for (let second = 0; second < 1738; second += 1) {
      await advance(1000);
      const call = getToken();
      last().reject(unreachable());
      served += (await call).accessToken === 'token-a' ? 1 : 0;
    }
    expect(served).toBe(1738);
    await advance(1000);
    const call = getToken();
    last().reject(unreachable());

    await expect(call).rejects.toMatchObject({ code: 'broker_unreachable' });
  });
});

describe('minValidity', () => {
  test('sends whole seconds to the broker when the cached token is not valid for that long', async () => {
    const { getToken, last, advance } = await withCachedToken(1799);
    await advance(1_000_000);
    const call = getToken({ minValidity: 899.5 });
    expect(last().request).toEqual({ min_validity: 900 });
    last().resolve(token('token-b', 1799));

    await expect(call).resolves.toMatchObject({ accessToken: 'token-b' });
  });

  test('sends one request per half of the life when no token is valid for that long', async () => {
    const time = createVirtualClock();
    let requests = 0;
    const transport = async () => {
      requests += 1;
      return token(`token-${requests}`, 1799);
    };
    const { getToken } = tokenClient(transport, { ...time, random: () => 0 });
    for (let minute = 0; minute < 60; minute += 1) {
      await getToken({ minValidity: 3600 });
      await time.advance(60_000);
    }

    expect(requests).toBe(4);
  });

  test('returns the cached token with a warning, and sends nothing for 30 s, after a failure', async () => {
    const { getToken, sent, last, advance } = await withCachedToken(1799);
    await advance(1_000_000);
    const call = getToken({ minValidity: 900 });
    last().reject(unreachable());
    const expected = { accessToken: 'token-a', warning: 'min_validity_unmet' };
    await expect(call).resolves.toMatchObject(expected);
    await expect(getToken({ minValidity: 900 })).resolves.toMatchObject(expected);

    expect(sent).toHaveLength(2);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('throws a RangeError for %s', async (minValidity) => {
    await expect(start().getToken({ minValidity })).rejects.toThrow(RangeError);
  });
});

describe('a rejected token', () => {
  const rejected = fingerprintOf('token-a');

  test('is reported in one request when 50 calls report it at the same time, and all get the new token', async () => {
    const { getToken, sent, last } = await withCachedToken(1799);
    const calls = Array.from({ length: 50 }, () => getToken({ rejected }));
    expect(last().request).toEqual({ rejected });
    last().resolve(token('token-b', 1799));

    expect(new Set((await Promise.all(calls)).map(({ accessToken }) => accessToken))).toEqual(new Set(['token-b']));
    await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-b' });
    expect(sent).toHaveLength(2);
  });

  test('is not reported when the cached token is another one', async () => {
    const { getToken, sent } = await withCachedToken(1799);

    await expect(getToken({ rejected: fingerprintOf('token-0') })).resolves.toMatchObject({ accessToken: 'token-a' });
    expect(sent).toHaveLength(1);
  });

  test('is not cached again when an earlier response arrives after the report', async () => {
    const { getToken, sent, advance } = await withCachedToken(1799);
    await advance(1_500_000);
    const early = getToken();
    const report = getToken({ rejected });
    sent[2]?.resolve(token('token-b', 1799));
    await report;
    sent[1]?.resolve(token('token-a', 299));
    await early;

    await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-b' });
  });

  test('is reported only once when the broker answers too_many_rejections', async () => {
    const { getToken, sent, last, advance } = await withCachedToken(1799);
    const report = expect(getToken({ rejected })).rejects.toMatchObject({ code: 'too_many_rejections' });
    last().reject(new TokenBrokerError('too_many_rejections', 'later', { retryable: true, retryAfter: 20 }));
    await report;
    await advance(30_000);

    expect(sent).toHaveLength(2);
  }, 2_000);

  test.each(['', 'token-a', fingerprintOf('token-a').toUpperCase()])(
    'throws a TypeError that does not repeat the text when "%s" is not a fingerprint',
    async (given) => {
      const { getToken, sent } = await withCachedToken(1799);
      const thrown = await getToken({ rejected: given }).catch((error: unknown) => error);

      expect(thrown).toBeInstanceOf(TypeError);
      expect(String(thrown)).toBe('TypeError: rejected: not a fingerprint. Pass 64 hex digits in lower case');
      expect(sent).toHaveLength(1);
    },
  );

  test('is still returned to other calls while the report is in flight', async () => {
    const { getToken, last } = await withCachedToken(1799);
    const report = getToken({ rejected });
    await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-a' });
    last().reject(refused());

    await expect(report).rejects.toMatchObject({ code: 'credentials_rejected' });
  });
});

// Tests that concurrent calls share one refresh, and who may use its result (lambda/broker/single-flight.ts).
import { describe, expect, test } from 'vitest';
import { momentOf } from '../../../../lambda/broker/clock.ts';
import type { RefreshGoal, RefreshRequest, RefreshResult } from '../../../../lambda/broker/refresh.ts';
import { createSingleFlight } from '../../../../lambda/broker/single-flight.ts';
import { fingerprint, type Token } from '../../../../lambda/broker/token.ts';
import { BrokerError, type ErrorCode } from '../../../../lambda/errors.ts';
import { garbageCollector } from '../../../support/garbage-collector.ts';
import { createVirtualClock, settle } from '../../../support/virtual-clock.ts';

/** Refreshes that finish when the test says so. */
function scene() {
  const clock = createVirtualClock();
  const started: { readonly request: RefreshRequest; readonly end: (result: RefreshResult) => void }[] = [];
  const refresh = createSingleFlight(clock, (request) => {
    const { promise, resolve } = Promise.withResolvers<RefreshResult>();
    started.push({ request, end: resolve });
    return promise;
  });
  const requestOf = (goal: Partial<RefreshGoal> = {}, rest: Partial<RefreshRequest> = {}): RefreshRequest => ({
    goal: { kind: 'serve', minValidityMs: 0, ...goal },
    remaining: () => 25_000,
    until: clock.monotonic() + 10_000,
    ...rest,
  });
  const tokenOf = (text: string, lifetimeMs = 600_000): Token => {
    const accessToken = `not-a-real-token-${text}`;
    return { accessToken, fingerprint: fingerprint(accessToken), issuedAt: clock.now(), lifetimeMs, versionId: 'v1' };
  };
  const brought = (token: Token): RefreshResult => ({
    token,
    seen: momentOf(clock),
    source: 'upstream',
    isShared: true,
  });
  const failed = (code: ErrorCode): RefreshResult => ({
    seen: momentOf(clock),
    source: 'shared',
    isShared: false,
    failure: new BrokerError(code, 'detail'),
  });
  return { clock, started, refresh, requestOf, tokenOf, brought, failed };
}

describe('concurrent refreshes', () => {
  test('shares one refresh between concurrent calls of one account, and starts a new one when it is done', async () => {
    const { started, refresh, requestOf, brought, tokenOf } = scene();
    const result = brought(tokenOf('1'));
    const all = [refresh(requestOf()), refresh(requestOf()), refresh(requestOf())];
    expect(started).toHaveLength(1);
    started[0]?.end(result);

    expect(await Promise.all(all)).toEqual([result, result, result]);
    void refresh(requestOf());
    expect(started).toHaveLength(2);
  });

  test('gives a failure to all callers that joined the refresh, and starts a new refresh for the next call', async () => {
    const { started, refresh, requestOf, failed } = scene();
    const all = [refresh(requestOf()), refresh(requestOf())];
    started[0]?.end(failed('upstream_timeout'));

    expect((await Promise.all(all)).map(({ failure }) => failure?.code)).toEqual([
      'upstream_timeout',
      'upstream_timeout',
    ]);
    expect(started).toHaveLength(1);
    void refresh(requestOf());
    expect(started).toHaveLength(2);
  });

  test('starts a new refresh when the last one threw', async () => {
    const { clock, requestOf, brought, tokenOf } = scene();
    const result = brought(tokenOf('1'));
    const results = [() => Promise.reject(new Error('odd')), () => Promise.resolve(result)];
    const refresh = createSingleFlight(clock, () => results.shift()?.() ?? Promise.resolve(result));

    await expect(refresh(requestOf())).rejects.toThrow('odd');
    await expect(refresh(requestOf())).resolves.toBe(result);
  });
});

describe('a caller that joined a refresh', () => {
  test('gives a joined caller renewal_in_progress at its own deadline', async () => {
    const { clock, refresh, requestOf, started } = scene();
    await clock.advance(300);
    void refresh(requestOf());
    const hurried = refresh(requestOf({}, { until: clock.monotonic() + 500 }));
    await clock.advance(499);
    let told: RefreshResult | undefined;
    void hurried.then((result) => {
      told = result;
    });
    await settle();
    expect(told).toBeUndefined();
    await clock.advance(1);

    const message = 'the login under way did not end in time';
    const failure = { code: 'renewal_in_progress', message };
    expect(told).toMatchObject({ source: 'shared', isShared: false, failure });
    expect(told).not.toHaveProperty('token');
    expect(started).toHaveLength(1);
  });

  test('serves a joined caller with any token that has the validity it asked for', async () => {
    const { started, refresh, requestOf, brought, tokenOf } = scene();
    void refresh(requestOf({ kind: 'refresh-ahead' }));
    const joined = refresh(requestOf({ minValidityMs: 300_000 }));
    started[0]?.end(brought(tokenOf('1')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-1');
    expect(started).toHaveLength(1);
  });

  test('starts another refresh for a joined caller when the token has too little validity for it', async () => {
    const { clock, started, refresh, requestOf, brought, tokenOf } = scene();
    const short = tokenOf('short');
    await clock.advance(400_000);
    void refresh(requestOf());
    const joined = refresh(requestOf({ minValidityMs: 250_000 }));
    started[0]?.end(brought(short));
    await settle();
    expect(started).toHaveLength(2);
    expect(started[1]?.request.goal.minValidityMs).toBe(250_000);
    started[1]?.end(brought(tokenOf('2')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-2');
  });

  test('serves a joined caller with a short token when the refresh had the same goal', async () => {
    const { clock, started, refresh, requestOf, brought, tokenOf } = scene();
    const short = tokenOf('short');
    await clock.advance(400_000);
    void refresh(requestOf({ minValidityMs: 250_000 }));
    const joined = refresh(requestOf({ minValidityMs: 250_000 }));
    started[0]?.end(brought(short));

    expect((await joined).token).toBe(short);
    expect(started).toHaveLength(1);
  });

  test('starts another refresh for a joined caller when the result is the token that it reported', async () => {
    const { started, refresh, requestOf, brought, tokenOf } = scene();
    const reported = tokenOf('1');
    void refresh(requestOf());
    const joined = refresh(requestOf({ rejected: reported.fingerprint }));
    started[0]?.end(brought(reported));
    await settle();
    expect(started).toHaveLength(2);
    started[1]?.end(brought(tokenOf('2')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-2');
  });

  test('does not give a joined caller the failure of a refresh with another goal', async () => {
    const { started, refresh, requestOf, failed, tokenOf, brought } = scene();
    void refresh(requestOf({ rejected: 'f'.repeat(64) }));
    const joined = refresh(requestOf());
    started[0]?.end(failed('too_many_rejections'));
    await settle();
    started[1]?.end(brought(tokenOf('1')));

    expect((await joined).token).toBeDefined();
  });

  test.each(['warm', 'verify'] as const)(
    'starts a refresh of its own to %s when the refresh in flight was for a caller',
    async (kind) => {
      const { started, refresh, requestOf, brought, tokenOf } = scene();
      void refresh(requestOf());
      const joined = refresh(requestOf({ kind }));
      started[0]?.end(brought(tokenOf('1')));
      await settle();
      expect(started[1]?.request.goal.kind).toBe(kind);
      started[1]?.end(brought(tokenOf('2')));

      expect((await joined).token?.accessToken).toBe('not-a-real-token-2');
    },
  );

  test('starts one next refresh for all joined callers that were not served', async () => {
    const { started, refresh, requestOf, brought, tokenOf } = scene();
    void refresh(requestOf({ kind: 'warm' }));
    const verifying = [refresh(requestOf({ kind: 'verify' })), refresh(requestOf({ kind: 'verify' }))];
    started[0]?.end(brought(tokenOf('1')));
    await settle();
    expect(started).toHaveLength(2);
    started[1]?.end(brought(tokenOf('2')));

    const results = await Promise.all(verifying);
    expect(results.map(({ token }) => token?.accessToken)).toEqual(['not-a-real-token-2', 'not-a-real-token-2']);
  });

  test('starts another refresh when the first ran out of time and the joined caller has more', async () => {
    const { clock, started, refresh, requestOf, failed, brought, tokenOf } = scene();
    void refresh(requestOf({}, { until: clock.monotonic() + 1000 }));
    const joined = refresh(requestOf());
    await clock.advance(1000);
    started[0]?.end(failed('renewal_in_progress'));
    await settle();
    expect(started).toHaveLength(2);
    started[1]?.end(brought(tokenOf('1')));

    expect((await joined).token).toBeDefined();
  });

  test('starts no other refresh when the first ran out of time and the joined caller has no more', async () => {
    const { started, refresh, requestOf, failed } = scene();
    const request = requestOf();
    void refresh(request);
    const joined = refresh(requestOf({}, { until: request.until }));
    started[0]?.end(failed('deadline'));

    expect((await joined).failure?.code).toBe('deadline');
    expect(started).toHaveLength(1);
  });

  test('starts another refresh when its starter had too little time for a login and the joined caller has enough', async () => {
    const { clock, started, refresh, requestOf, failed, brought, tokenOf } = scene();
    const until = clock.monotonic() + 10_000;
    void refresh(requestOf({}, { until, remaining: () => 9_999 }));
    const hurried = refresh(requestOf({}, { until, remaining: () => 9_999 }));
    const joined = refresh(requestOf({}, { until, remaining: () => 10_000 }));
    started[0]?.end(failed('deadline'));
    expect((await hurried).failure?.code).toBe('deadline');
    await settle();
    expect(started).toHaveLength(2);
    started[1]?.end(brought(tokenOf('1')));

    expect((await joined).token).toBeDefined();
  });

  test('starts no other refresh when its starter had just enough time for a login', async () => {
    const { clock, started, refresh, requestOf, failed } = scene();
    const request = requestOf({}, { until: clock.monotonic() + 10_000, remaining: () => 10_000 });
    void refresh(request);
    const joined = refresh({ ...request });
    started[0]?.end(failed('deadline'));

    expect((await joined).failure?.code).toBe('deadline');
    expect(started).toHaveLength(1);
  });

  test('starts no other refresh when the first failed for another reason than time', async () => {
    const { clock, started, refresh, requestOf, failed } = scene();
    void refresh(requestOf({}, { until: clock.monotonic() + 1000 }));
    const joined = refresh(requestOf());
    started[0]?.end(failed('upstream_timeout'));

    expect((await joined).failure?.code).toBe('upstream_timeout');
    expect(started).toHaveLength(1);
  });

  test('gives a joined caller renewal_in_progress when the refresh ends at its deadline without serving it', async () => {
    const { clock, started, refresh, requestOf, failed } = scene();
    void refresh(requestOf({ kind: 'warm' }));
    const joined = refresh(requestOf({}, { until: clock.monotonic() + 1000 }));
    void clock.sleep(1000).then(() => started[0]?.end(failed('upstream_timeout')));
    await clock.advance(1000);

    expect((await joined).failure?.code).toBe('renewal_in_progress');
    expect(started).toHaveLength(1);
  });

  test('starts another refresh when two refreshes in a row give a caller the token that it reported', async () => {
    const { started, refresh, requestOf, brought, tokenOf } = scene();
    const old = tokenOf('old');
    const served = refresh(requestOf());
    const warmed = refresh(requestOf({ kind: 'warm' }));
    const reported = refresh(requestOf({ rejected: old.fingerprint }));
    started[0]?.end(brought(old));
    await settle();
    started[1]?.end(brought(old));
    await settle();
    started[2]?.end(brought(tokenOf('new')));

    expect((await served).token).toBe(old);
    expect((await warmed).token).toBe(old);
    expect((await reported).token?.accessToken).toBe('not-a-real-token-new');
    expect(started.map(({ request }) => request.goal.kind)).toEqual(['serve', 'warm', 'serve']);
  });

  test('gives a caller that reported a token renewal_in_progress at its deadline, and starts no refresh', async () => {
    const { clock, started, refresh, requestOf, tokenOf } = scene();
    void refresh(requestOf());
    const rejected = tokenOf('old').fingerprint;
    const reported = refresh(requestOf({ rejected }, { until: clock.monotonic() + 500 }));
    await clock.advance(500);

    expect((await reported).failure?.code).toBe('renewal_in_progress');
    expect(started).toHaveLength(1);
  });
});

describe('a refresh that tries again after a failure', () => {
  test('lets only its starter wait when it announces the earlier failure', async () => {
    const { started, refresh, requestOf, failed, brought, tokenOf } = scene();
    const starting = refresh(requestOf());
    const joined = [refresh(requestOf()), refresh(requestOf())];
    started[0]?.request.announce?.(failed('upstream_timeout'));
    const late = refresh(requestOf());

    const told = await Promise.all([...joined, late]);
    expect(told.map(({ failure }) => failure?.code)).toEqual(told.map(() => 'upstream_timeout'));
    expect(started).toHaveLength(1);
    started[0]?.end(brought(tokenOf('1')));
    expect((await starting).token).toBeDefined();
  });

  test('lets joined callers with another goal wait when it announces the earlier failure', async () => {
    const { started, refresh, requestOf, failed, brought, tokenOf } = scene();
    void refresh(requestOf({ rejected: 'f'.repeat(64) }));
    const joined = refresh(requestOf());
    started[0]?.request.announce?.(failed('upstream_timeout'));
    await settle();
    started[0]?.end(brought(tokenOf('1')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-1');
  });
});

test('waits for the end of the refresh when the announced token is no longer servable', async () => {
  const { clock, started, refresh, requestOf, brought, tokenOf } = scene();
  const ending = brought(tokenOf('1'));
  void refresh(requestOf({ kind: 'warm' }));
  started[0]?.request.announce?.(ending);
  await clock.advance(539_999);
  expect(await refresh(requestOf())).toBe(ending);
  await clock.advance(1);
  const joined = refresh(requestOf());
  await settle();
  const later = brought(tokenOf('2'));
  started[0]?.end(later);

  expect(await joined).toBe(later);
  expect(started).toHaveLength(1);
});

test('keeps no reference to a result when its announcement did not serve a joined caller', async () => {
  const collect = garbageCollector();
  const { started, refresh, requestOf, failed, brought, tokenOf } = scene();
  const ended: WeakRef<RefreshResult>[] = [];
  const round = async () => {
    const starting = refresh(requestOf({ kind: 'warm' }));
    const joined = refresh(requestOf());
    const result = brought(tokenOf('1'));
    ended.push(new WeakRef(result));
    started[0]?.request.announce?.(failed('upstream_timeout'));
    await settle();
    started.shift()?.end(result);
    await Promise.all([starting, joined]);
  };
  await round();
  await settle();
  collect();

  expect(ended.map((result) => result.deref())).toEqual([undefined]);
});

// Tests that concurrent calls share one refresh, and who may use its result (lambda/broker/single-flight.ts).
import { describe, expect, test } from 'vitest';
import type { Flight, Outcome } from '../../../../lambda/broker/flight.ts';
import { momentOf } from '../../../../lambda/broker/login-guard.ts';
import { createSingleFlight } from '../../../../lambda/broker/single-flight.ts';
import { fingerprint, type Token } from '../../../../lambda/broker/token.ts';
import type { Want } from '../../../../lambda/broker/want.ts';
import { BrokerError, type ErrorCode } from '../../../../lambda/errors.ts';
import { garbageCollector } from '../../../support/garbage-collector.ts';
import { createVirtualClock, settle } from '../../../support/virtual-clock.ts';

/** Refreshes that finish when the test says so. */
function scene() {
  const clock = createVirtualClock();
  const started: { readonly flight: Flight; readonly land: (outcome: Outcome) => void }[] = [];
  const fly = createSingleFlight(clock, (flight) => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    started.push({ flight, land: resolve });
    return promise;
  });
  const flightOf = (want: Partial<Want> = {}, rest: Partial<Flight> = {}): Flight => ({
    account: 'main',
    want: { purpose: 'serve', minValidityMs: 0, ...want },
    remaining: () => 25_000,
    until: clock.monotonic() + 10_000,
    ...rest,
  });
  const tokenOf = (text: string, lifetimeMs = 600_000): Token => {
    const accessToken = `not-a-real-token-${text}`;
    return { accessToken, fingerprint: fingerprint(accessToken), issuedAt: clock.now(), lifetimeMs, versionId: 'v1' };
  };
  const brought = (token: Token): Outcome => ({ token, seen: momentOf(clock), source: 'upstream', kept: true });
  const failed = (code: ErrorCode): Outcome => ({
    seen: momentOf(clock),
    source: 'shared',
    kept: false,
    failure: new BrokerError(code, 'detail'),
  });
  return { clock, started, fly, flightOf, tokenOf, brought, failed };
}

describe('concurrent refreshes', () => {
  test('shares one refresh between concurrent calls of one account, and starts a new one when it is done', async () => {
    const { started, fly, flightOf, brought, tokenOf } = scene();
    const outcome = brought(tokenOf('1'));
    const all = [fly(flightOf()), fly(flightOf()), fly(flightOf())];
    expect(started).toHaveLength(1);
    started[0]?.land(outcome);

    expect(await Promise.all(all)).toEqual([outcome, outcome, outcome]);
    void fly(flightOf());
    expect(started).toHaveLength(2);
  });

  test('runs refreshes of different accounts side by side', () => {
    const { started, fly, flightOf } = scene();
    void fly(flightOf());
    void fly(flightOf({}, { account: 'other' }));

    expect(started.map(({ flight }) => flight.account)).toEqual(['main', 'other']);
  });

  test('gives a failure to all callers that joined the refresh, and starts a new refresh for the next call', async () => {
    const { started, fly, flightOf, failed } = scene();
    const all = [fly(flightOf()), fly(flightOf())];
    started[0]?.land(failed('upstream_timeout'));

    expect((await Promise.all(all)).map(({ failure }) => failure?.code)).toEqual([
      'upstream_timeout',
      'upstream_timeout',
    ]);
    expect(started).toHaveLength(1);
    void fly(flightOf());
    expect(started).toHaveLength(2);
  });

  test('starts a new refresh when the last one threw', async () => {
    const { clock, flightOf, brought, tokenOf } = scene();
    const outcome = brought(tokenOf('1'));
    const results = [() => Promise.reject(new Error('odd')), () => Promise.resolve(outcome)];
    const fly = createSingleFlight(clock, () => results.shift()?.() ?? Promise.resolve(outcome));

    await expect(fly(flightOf())).rejects.toThrow('odd');
    await expect(fly(flightOf())).resolves.toBe(outcome);
  });
});

describe('a caller that joined a refresh', () => {
  test('gives a joined caller renewal_in_progress at its own deadline', async () => {
    const { clock, fly, flightOf, started } = scene();
    void fly(flightOf());
    const hurried = fly(flightOf({}, { until: clock.monotonic() + 500 }));
    await clock.advance(499);
    let told: Outcome | undefined;
    void hurried.then((outcome) => {
      told = outcome;
    });
    await settle();
    expect(told).toBeUndefined();
    await clock.advance(1);

    expect(told).toMatchObject({ kept: false, failure: { code: 'renewal_in_progress' } });
    expect(told).not.toHaveProperty('token');
    expect(started).toHaveLength(1);
  });

  test('serves a joined caller with any token that has the validity it asked for', async () => {
    const { started, fly, flightOf, brought, tokenOf } = scene();
    void fly(flightOf({ purpose: 'look' }));
    const joined = fly(flightOf({ minValidityMs: 300_000 }));
    started[0]?.land(brought(tokenOf('1')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-1');
    expect(started).toHaveLength(1);
  });

  test('starts another refresh for a joined caller when the token has too little validity for it', async () => {
    const { clock, started, fly, flightOf, brought, tokenOf } = scene();
    const short = tokenOf('short');
    await clock.advance(400_000);
    void fly(flightOf());
    const joined = fly(flightOf({ minValidityMs: 250_000 }));
    started[0]?.land(brought(short));
    await settle();
    expect(started).toHaveLength(2);
    expect(started[1]?.flight.want.minValidityMs).toBe(250_000);
    started[1]?.land(brought(tokenOf('2')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-2');
  });

  test('serves a joined caller with a short token when the refresh had the same goal', async () => {
    const { clock, started, fly, flightOf, brought, tokenOf } = scene();
    const short = tokenOf('short');
    await clock.advance(400_000);
    void fly(flightOf({ minValidityMs: 250_000 }));
    const joined = fly(flightOf({ minValidityMs: 250_000 }));
    started[0]?.land(brought(short));

    expect((await joined).token).toBe(short);
    expect(started).toHaveLength(1);
  });

  test('starts another refresh for a joined caller when the result is the token that it reported', async () => {
    const { started, fly, flightOf, brought, tokenOf } = scene();
    const reported = tokenOf('1');
    void fly(flightOf());
    const joined = fly(flightOf({ rejected: reported.fingerprint }));
    started[0]?.land(brought(reported));
    await settle();
    expect(started).toHaveLength(2);
    started[1]?.land(brought(tokenOf('2')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-2');
  });

  test('does not give a joined caller the failure of a refresh with another goal', async () => {
    const { started, fly, flightOf, failed, tokenOf, brought } = scene();
    void fly(flightOf({ rejected: 'f'.repeat(64) }));
    const joined = fly(flightOf());
    started[0]?.land(failed('too_many_rejections'));
    await settle();
    started[1]?.land(brought(tokenOf('1')));

    expect((await joined).token).toBeDefined();
  });

  test.each(['warm', 'verify'] as const)(
    'starts a refresh of its own to %s when the refresh in flight was for a caller',
    async (purpose) => {
      const { started, fly, flightOf, brought, tokenOf } = scene();
      void fly(flightOf());
      const joined = fly(flightOf({ purpose }));
      started[0]?.land(brought(tokenOf('1')));
      await settle();
      expect(started[1]?.flight.want.purpose).toBe(purpose);
      started[1]?.land(brought(tokenOf('2')));

      expect((await joined).token?.accessToken).toBe('not-a-real-token-2');
    },
  );

  test('starts one next refresh for all joined callers that were not served', async () => {
    const { started, fly, flightOf, brought, tokenOf } = scene();
    void fly(flightOf({ purpose: 'warm' }));
    const verifying = [fly(flightOf({ purpose: 'verify' })), fly(flightOf({ purpose: 'verify' }))];
    started[0]?.land(brought(tokenOf('1')));
    await settle();
    expect(started).toHaveLength(2);
    started[1]?.land(brought(tokenOf('2')));

    const outcomes = await Promise.all(verifying);
    expect(outcomes.map(({ token }) => token?.accessToken)).toEqual(['not-a-real-token-2', 'not-a-real-token-2']);
  });

  test('starts another refresh when the first ran out of time and the joined caller has more', async () => {
    const { clock, started, fly, flightOf, failed, brought, tokenOf } = scene();
    void fly(flightOf({}, { until: clock.monotonic() + 1000 }));
    const joined = fly(flightOf());
    await clock.advance(1000);
    started[0]?.land(failed('renewal_in_progress'));
    await settle();
    expect(started).toHaveLength(2);
    started[1]?.land(brought(tokenOf('1')));

    expect((await joined).token).toBeDefined();
  });

  test('starts no other refresh when the first ran out of time and the joined caller has no more', async () => {
    const { started, fly, flightOf, failed } = scene();
    const flight = flightOf();
    void fly(flight);
    const joined = fly(flightOf({}, { until: flight.until }));
    started[0]?.land(failed('deadline'));

    expect((await joined).failure?.code).toBe('deadline');
    expect(started).toHaveLength(1);
  });

  test('starts another refresh when its starter had too little time for a login and the joined caller has enough', async () => {
    const { clock, started, fly, flightOf, failed, brought, tokenOf } = scene();
    const until = clock.monotonic() + 10_000;
    void fly(flightOf({}, { until, remaining: () => 9_999 }));
    const hurried = fly(flightOf({}, { until, remaining: () => 9_999 }));
    const joined = fly(flightOf({}, { until, remaining: () => 10_000 }));
    started[0]?.land(failed('deadline'));
    expect((await hurried).failure?.code).toBe('deadline');
    await settle();
    expect(started).toHaveLength(2);
    started[1]?.land(brought(tokenOf('1')));

    expect((await joined).token).toBeDefined();
  });

  test('starts no other refresh when the first failed for another reason than time', async () => {
    const { clock, started, fly, flightOf, failed } = scene();
    void fly(flightOf({}, { until: clock.monotonic() + 1000 }));
    const joined = fly(flightOf());
    started[0]?.land(failed('upstream_timeout'));

    expect((await joined).failure?.code).toBe('upstream_timeout');
    expect(started).toHaveLength(1);
  });

  test('gives a joined caller renewal_in_progress when the refresh ends at its deadline without serving it', async () => {
    const { clock, started, fly, flightOf, failed } = scene();
    void fly(flightOf({ purpose: 'warm' }));
    const joined = fly(flightOf({}, { until: clock.monotonic() + 1000 }));
    void clock.sleep(1000).then(() => started[0]?.land(failed('upstream_timeout')));
    await clock.advance(1000);

    expect((await joined).failure?.code).toBe('renewal_in_progress');
    expect(started).toHaveLength(1);
  });

  test('starts another refresh when two refreshes in a row give a caller the token that it reported', async () => {
    const { started, fly, flightOf, brought, tokenOf } = scene();
    const old = tokenOf('old');
    const served = fly(flightOf());
    const warmed = fly(flightOf({ purpose: 'warm' }));
    const reported = fly(flightOf({ rejected: old.fingerprint }));
    started[0]?.land(brought(old));
    await settle();
    started[1]?.land(brought(old));
    await settle();
    started[2]?.land(brought(tokenOf('new')));

    expect((await served).token).toBe(old);
    expect((await warmed).token).toBe(old);
    expect((await reported).token?.accessToken).toBe('not-a-real-token-new');
    expect(started.map(({ flight }) => flight.want.purpose)).toEqual(['serve', 'warm', 'serve']);
  });

  test('gives a caller that reported a token renewal_in_progress at its deadline, and starts no refresh', async () => {
    const { clock, started, fly, flightOf, tokenOf } = scene();
    void fly(flightOf());
    const rejected = tokenOf('old').fingerprint;
    const reported = fly(flightOf({ rejected }, { until: clock.monotonic() + 500 }));
    await clock.advance(500);

    expect((await reported).failure?.code).toBe('renewal_in_progress');
    expect(started).toHaveLength(1);
  });
});

describe('a refresh that tries again after a failure', () => {
  test('lets only its starter wait when it announces the earlier failure', async () => {
    const { started, fly, flightOf, failed, brought, tokenOf } = scene();
    const starting = fly(flightOf());
    const joined = [fly(flightOf()), fly(flightOf())];
    started[0]?.flight.announce?.(failed('upstream_timeout'));
    const late = fly(flightOf());

    const told = await Promise.all([...joined, late]);
    expect(told.map(({ failure }) => failure?.code)).toEqual(told.map(() => 'upstream_timeout'));
    expect(started).toHaveLength(1);
    started[0]?.land(brought(tokenOf('1')));
    expect((await starting).token).toBeDefined();
  });

  test('lets joined callers with another goal wait when it announces the earlier failure', async () => {
    const { started, fly, flightOf, failed, brought, tokenOf } = scene();
    void fly(flightOf({ rejected: 'f'.repeat(64) }));
    const joined = fly(flightOf());
    started[0]?.flight.announce?.(failed('upstream_timeout'));
    await settle();
    started[0]?.land(brought(tokenOf('1')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-1');
  });
});

test('waits for the end of the refresh when the announced token is no longer servable', async () => {
  const { clock, started, fly, flightOf, brought, tokenOf } = scene();
  const ending = brought(tokenOf('1'));
  void fly(flightOf({ purpose: 'warm' }));
  started[0]?.flight.announce?.(ending);
  await clock.advance(539_999);
  expect(await fly(flightOf())).toBe(ending);
  await clock.advance(1);
  const joined = fly(flightOf());
  await settle();
  const landed = brought(tokenOf('2'));
  started[0]?.land(landed);

  expect(await joined).toBe(landed);
  expect(started).toHaveLength(1);
});

test('keeps no reference to a result when its announcement did not serve a joined caller', async () => {
  const collect = garbageCollector();
  const { started, fly, flightOf, failed, brought, tokenOf } = scene();
  const landed: WeakRef<Outcome>[] = [];
  const round = async () => {
    const starting = fly(flightOf({ purpose: 'warm' }));
    const joined = fly(flightOf());
    const outcome = brought(tokenOf('1'));
    landed.push(new WeakRef(outcome));
    started[0]?.flight.announce?.(failed('upstream_timeout'));
    await settle();
    started.shift()?.land(outcome);
    await Promise.all([starting, joined]);
  };
  await round();
  await settle();
  collect();

  expect(landed.map((outcome) => outcome.deref())).toEqual([undefined]);
});

import { describe, expect, test } from 'vitest';
import type { Flight, Outcome } from '../../../../lambda/broker/flight.ts';
import { momentOf } from '../../../../lambda/broker/login-guard.ts';
import { createSingleFlight } from '../../../../lambda/broker/single-flight.ts';
import { fingerprint, type Token } from '../../../../lambda/broker/token.ts';
import type { Want } from '../../../../lambda/broker/want.ts';
import { BrokerError, type ErrorCode } from '../../../../lambda/errors.ts';
import { garbageCollector } from '../../../support/garbage-collector.ts';
import { createVirtualClock, settle } from '../../../support/virtual-clock.ts';

/** Flights that land when the test says so. */
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

describe('flights', () => {
  test('of one account are one while it lasts, and nothing is kept of it', async () => {
    const { started, fly, flightOf, brought, tokenOf } = scene();
    const outcome = brought(tokenOf('1'));
    const all = [fly(flightOf()), fly(flightOf()), fly(flightOf())];
    expect(started).toHaveLength(1);
    started[0]?.land(outcome);

    expect(await Promise.all(all)).toEqual([outcome, outcome, outcome]);
    void fly(flightOf());
    expect(started).toHaveLength(2);
  });

  test('of several accounts do not wait for each other', () => {
    const { started, fly, flightOf } = scene();
    void fly(flightOf());
    void fly(flightOf({}, { account: 'other' }));

    expect(started.map(({ flight }) => flight.account)).toEqual(['main', 'other']);
  });

  test('that failed are told to all who joined them, and the next one starts anew', async () => {
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

  test('that throw are not kept either', async () => {
    const { clock, flightOf, brought, tokenOf } = scene();
    const outcome = brought(tokenOf('1'));
    const results = [() => Promise.reject(new Error('odd')), () => Promise.resolve(outcome)];
    const fly = createSingleFlight(clock, () => results.shift()?.() ?? Promise.resolve(outcome));

    await expect(fly(flightOf())).rejects.toThrow('odd');
    await expect(fly(flightOf())).resolves.toBe(outcome);
  });
});

describe('whoever joined a flight', () => {
  test('has a deadline of their own', async () => {
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

  test('is served by any token that has the validity asked for', async () => {
    const { started, fly, flightOf, brought, tokenOf } = scene();
    void fly(flightOf({ purpose: 'look' }));
    const joined = fly(flightOf({ minValidityMs: 300_000 }));
    started[0]?.land(brought(tokenOf('1')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-1');
    expect(started).toHaveLength(1);
  });

  test('and not served by it starts another', async () => {
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

  test('takes what the same want brought, were it short', async () => {
    const { clock, started, fly, flightOf, brought, tokenOf } = scene();
    const short = tokenOf('short');
    await clock.advance(400_000);
    void fly(flightOf({ minValidityMs: 250_000 }));
    const joined = fly(flightOf({ minValidityMs: 250_000 }));
    started[0]?.land(brought(short));

    expect((await joined).token).toBe(short);
    expect(started).toHaveLength(1);
  });

  test('is not served by the token they reported', async () => {
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

  test('is not told of the failure of another want', async () => {
    const { started, fly, flightOf, failed, tokenOf, brought } = scene();
    void fly(flightOf({ rejected: 'f'.repeat(64) }));
    const joined = fly(flightOf());
    started[0]?.land(failed('too_many_rejections'));
    await settle();
    started[1]?.land(brought(tokenOf('1')));

    expect((await joined).token).toBeDefined();
  });

  test.each(['warm', 'verify'] as const)('to %s flies, whatever a caller was brought', async (purpose) => {
    const { started, fly, flightOf, brought, tokenOf } = scene();
    void fly(flightOf());
    const joined = fly(flightOf({ purpose }));
    started[0]?.land(brought(tokenOf('1')));
    await settle();
    expect(started[1]?.flight.want.purpose).toBe(purpose);
    started[1]?.land(brought(tokenOf('2')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-2');
  });

  test('the next of those who were not served, which is one for all', async () => {
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

  test('with more time than it had starts another where it was only late', async () => {
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

  test('with no more time than it had does not', async () => {
    const { started, fly, flightOf, failed } = scene();
    const flight = flightOf();
    void fly(flight);
    const joined = fly(flightOf({}, { until: flight.until }));
    started[0]?.land(failed('deadline'));

    expect((await joined).failure?.code).toBe('deadline');
    expect(started).toHaveLength(1);
  });

  test('may log in where its starter had too little time left for that', async () => {
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

  test('with more time does not either where it failed for another reason', async () => {
    const { clock, started, fly, flightOf, failed } = scene();
    void fly(flightOf({}, { until: clock.monotonic() + 1000 }));
    const joined = fly(flightOf());
    started[0]?.land(failed('upstream_timeout'));

    expect((await joined).failure?.code).toBe('upstream_timeout');
    expect(started).toHaveLength(1);
  });

  test('at whose deadline it landed without serving them is only told so', async () => {
    const { clock, started, fly, flightOf, failed } = scene();
    void fly(flightOf({ purpose: 'warm' }));
    const joined = fly(flightOf({}, { until: clock.monotonic() + 1000 }));
    void clock.sleep(1000).then(() => started[0]?.land(failed('upstream_timeout')));
    await clock.advance(1000);

    expect((await joined).failure?.code).toBe('renewal_in_progress');
    expect(started).toHaveLength(1);
  });
});

describe('a flight that tries again what failed before', () => {
  test('keeps only whoever started it', async () => {
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

  test('keeps whoever wants something else: they may yet be served', async () => {
    const { started, fly, flightOf, failed, brought, tokenOf } = scene();
    void fly(flightOf({ rejected: 'f'.repeat(64) }));
    const joined = fly(flightOf());
    started[0]?.flight.announce?.(failed('upstream_timeout'));
    await settle();
    started[0]?.land(brought(tokenOf('1')));

    expect((await joined).token?.accessToken).toBe('not-a-real-token-1');
  });
});

test('whoever comes when the token that was announced has run out waits for the flight to land', async () => {
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

test('nothing is kept of a flight whose word while under way did not serve whoever had joined it', async () => {
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

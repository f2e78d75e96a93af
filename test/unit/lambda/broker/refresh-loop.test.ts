// Tests how often a refresh reads the item, when it gives up, and what it says then (lambda/broker/refresh-loop.ts).
import { describe, expect, test } from 'vitest';
import { credentialKey, type Item } from '../../../../lambda/broker/item.ts';
import { createLocalState } from '../../../../lambda/broker/local-state.ts';
import type { RefreshGoal, RefreshRequest, RefreshResult } from '../../../../lambda/broker/refresh.ts';
import { createRefresh } from '../../../../lambda/broker/refresh-loop.ts';
import { BrokerError } from '../../../../lambda/errors.ts';
import {
  accountScene,
  credentials,
  issuedToken,
  noon,
  type SceneOptions,
  tokenUrl,
  tokenWith,
} from '../../../support/core/account-scene.ts';

const failed = { retryCode: 'upstream_timeout', lastError: { code: 'upstream_timeout', at: noon - 9000 } } as const;

/** The refresh of an account whose item the test holds. */
function scene(rest: Partial<Item> = {}, options: SceneOptions = {}) {
  const account = accountScene(rest, options);
  const refresh = createRefresh(account.ports, createLocalState(), 0);
  const start = (goal: Partial<RefreshGoal> = {}, request: Partial<RefreshRequest> = {}) =>
    refresh({ goal: { kind: 'serve', minValidityMs: 0, ...goal }, remaining: () => 25_000, until: 10_000, ...request });
  const end = (goal?: Partial<RefreshGoal>, request?: Partial<RefreshRequest>): Promise<RefreshResult> =>
    account.clock.until(start(goal, request));
  return { ...account, start, end };
}

/** A lease of another environment that ends in `ms`. It may be taken over 2 s later. */
function leaseFor(ms: number) {
  return { leaseUntil: noon + ms, owner: 'another' };
}

describe('a refresh that reads the item once', () => {
  test('serves the stored token when it is good enough', async () => {
    const token = tokenWith(600_000);
    const { end, reads, events, signals } = scene({ token, generation: 3 });
    const result = await end();

    const moment = { wall: noon, monotonic: 0 };
    expect(result).toEqual({ token, generation: 3, seen: moment, source: 'shared', isShared: true });
    expect({ reads, events }).toEqual({ reads: [0], events: [] });
    expect(signals[0]?.aborted).toBe(true);
  });

  test('logs in when there is no token', async () => {
    const { end, reads, events } = scene();

    expect(await end()).toMatchObject({ token: { accessToken: issuedToken }, source: 'upstream' });
    expect({ reads, events }).toEqual({ reads: [0], events: ['claim', 'saw login', 'publish'] });
  });

  test('returns the token it has when a back-off keeps it from logging in', async () => {
    const token = tokenWith(100_000);
    const { end, events } = scene({ token, ...failed, retryAt: noon + 5000 });

    expect(await end()).toMatchObject({ token, failure: { code: 'upstream_timeout', retryAfterMs: 5000 } });
    expect(events).toEqual([]);
  });

  test('answers paused without a login when an operator paused the account', async () => {
    const { end, events } = scene({ paused: true });

    expect(await end()).toMatchObject({ failure: { code: 'paused' } });
    expect(events).toEqual([]);
  });

  test('tells a verification that it did not log in when another environment is at it', async () => {
    const token = tokenWith(600_000);
    const { end, reads } = scene({ token, ...leaseFor(9000) });

    expect(await end({ kind: 'verify' })).toMatchObject({ token, failure: { code: 'renewal_in_progress' } });
    expect(reads).toEqual([0]);
  });

  test('counts that the table cannot be used when the item is faulty', async () => {
    const { end, events } = scene({ token: tokenWith(600_000), fault: 'schema' });
    const result = await end();

    expect(result.failure?.code).toBe('table_unavailable');
    expect(result.token).toBeUndefined();
    expect(events).toEqual(['saw table_unavailable']);
  });
});

describe('a verification that may not log in, because a login was a moment ago', () => {
  const token = tokenWith(600_000);
  const reading = (versionId: string) => ({ readCredentials: async () => ({ ...credentials, versionId }) });

  test('a verification is content with the stored token when that was bought with the newest version of the secret', async () => {
    const { end } = scene({ token, lastLogin: noon });
    const result = await end({ kind: 'verify' });

    expect(result.token).toBe(token);
    expect(result.failure).toBeUndefined();
  });

  test('a verification says when it may log in when the stored token was bought with another version', async () => {
    const { end } = scene({ token, lifetimeMs: 600_000, lastLogin: noon }, reading('v2'));

    const failure = { code: 'renewal_in_progress', retryAfterMs: 60_001 };
    expect(await end({ kind: 'verify' })).toMatchObject({ token, failure });
  });

  test('a verification says that the newest version is refused when Fegora refused it', async () => {
    const rejectedCredentials = new Set([credentialKey('v2', 'apiApp', tokenUrl)]);
    const { end } = scene({ token, lastLogin: noon, rejectedCredentials }, reading('v2'));

    expect(await end({ kind: 'verify' })).toMatchObject({ token, failure: { code: 'credentials_rejected' } });
  });

  test('does not ask Secrets Manager when another login is under way, because that may bring the newest version', async () => {
    const unread = () => Promise.reject(new Error('not asked for here'));
    const { end } = scene({ token, ...leaseFor(9000) }, { readCredentials: unread });

    const failure = { code: 'renewal_in_progress', retryAfterMs: 1000 };
    expect(await end({ kind: 'verify' })).toMatchObject({ token, failure });
  });
});

describe('a refresh that waits for the login of another environment', () => {
  test.for([
    [0.5, [0, 100, 300, 700, 1200, 1700]],
    [0, [0, 50, 150, 350, 600, 850, 1100, 1350, 1600, 1850]],
    [1, [0, 150, 450, 1050, 1800]],
  ] as const)(
    'reads the item again after longer and longer pauses when the random number is %f',
    async ([random, times]) => {
      const { clock, reads, start } = scene(leaseFor(12_000), { random });
      void start();
      await clock.advance(1999);

      expect(reads).toEqual(times);
    },
  );

  test.for([
    ['the latest login took 700 ms', leaseFor(15_000), 700, 0, [0, 700, 850, 1150, 1650]],
    ['the latest login took 700 ms', leaseFor(15_000), 700, 1, [0, 1000, 1450]],
    [
      'the latest login took 5 s, because this one may be quicker',
      leaseFor(15_000),
      5000,
      0,
      [0, 1000, 1150, 1450, 1950],
    ],
    ['the login under way is late', leaseFor(12_000), 700, 1, [0, 300, 750, 1650]],
    ['a clock is ahead of ours', leaseFor(16_000), 700, 0, [0, 700, 850, 1150, 1650]],
  ] as const)('reads first when the login should be done when %s', async ([, lease, loginMs, random, times]) => {
    const { clock, reads, start } = scene({ ...lease, loginMs }, { random });
    void start();
    await clock.advance(1999);

    expect(reads).toEqual(times);
  });

  test('reads first when the login of another environment should be done when it lost a claim to it', async () => {
    const { stored, clock, reads, start } = scene({ loginMs: 700 }, { random: 0 });
    stored.isClaimable = false;
    void start();
    await clock.advance(800);

    expect(reads).toEqual([0, 700]);
  });

  test('returns the token of the other login when it is in the item', async () => {
    const token = tokenWith(600_000);
    const { clock, stored, reads, start, events } = scene(leaseFor(9000));
    const result = start();
    await clock.advance(250);
    stored.item = { ...stored.item, token, leaseUntil: 0, lastLogin: noon };

    expect(await clock.until(result)).toMatchObject({ token, source: 'shared' });
    expect({ reads, events }).toEqual({ reads: [0, 100, 300], events: [] });
  });

  test('reads again when the lease may nearly be taken over, and logs in a millisecond later', async () => {
    const { end, reads, events } = scene(leaseFor(-1950));
    await end();

    expect(reads).toEqual([0, 50, 51]);
    expect(events).toContain('claim');
  });

  test('gives up at its own time, and says when the lease may be taken over', async () => {
    const { end, clock, reads, signals } = scene(leaseFor(9000));
    const result = await end({}, { until: 1500 });

    expect(clock.monotonic()).toBe(1500);
    expect(reads).toEqual([0, 100, 300, 700, 1200]);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    expect(result.failure).toMatchObject({
      code: 'renewal_in_progress',
      message: 'the login under way did not end in time',
      retryAfterMs: 9500,
    });
  });

  test('says to ask again in half a second when it lost each claim, and cannot know when the lease ends', async () => {
    const { stored, end, reads, events } = scene();
    stored.isClaimable = false;

    const { failure } = await end({}, { until: 250 });
    expect(failure).toMatchObject({ code: 'renewal_in_progress', retryAfterMs: 500 });
    expect({ reads, events }).toEqual({ reads: [0, 100], events: ['claim', 'claim'] });
  });

  test('promise 63: reads less often and names the cause when the table was throttled', async () => {
    const { stored, end, reads } = scene();
    stored.isClaimable = undefined;

    const { failure } = await end({}, { until: 2500 });
    expect(failure).toMatchObject({
      code: 'renewal_in_progress',
      message: 'DynamoDB throttles the writes of the account',
    });
    expect(reads).toEqual([0, 1000, 2000]);
  });

  test('does not wait for a login that only probes the failure of the one before it', async () => {
    const { end, reads } = scene({ ...failed, ...leaseFor(9000) });

    expect((await end()).failure?.code).toBe('upstream_timeout');
    expect(reads).toEqual([0]);
  });

  test('does not wait for a login of another environment when its own version of the secret is refused', async () => {
    const rejectedCredentials = new Set([credentialKey('v1', 'apiApp', tokenUrl)]);
    const { end, reads } = scene({ ...leaseFor(9000), rejectedCredentials });

    expect((await end()).failure?.code).toBe('credentials_rejected');
    expect(reads).toEqual([0]);
  });

  test('waits for a login of another environment when Secrets Manager is down, because that login may not need it', async () => {
    const token = tokenWith(600_000);
    const { clock, start, stored } = scene(leaseFor(9000), {
      readCredentials: () => Promise.reject(new BrokerError('secret_unavailable', 'detail')),
    });
    const result = start();
    await clock.advance(50);
    stored.item = { ...stored.item, token };

    expect(await clock.until(result)).toMatchObject({ token });
  });

  test('does not ask Secrets Manager at the polls of a verification', async () => {
    let asked = 0;
    const { end } = scene(leaseFor(9000), {
      readCredentials: async () => {
        asked += 1;
        return credentials;
      },
    });

    expect((await end({ kind: 'verify' }, { until: 3000 })).failure?.code).toBe('renewal_in_progress');
    expect(asked).toBe(0);
  });
});

describe('a refresh whose reads fail', () => {
  const unreachable = () => Promise.reject(new BrokerError('table_unavailable', 'detail'));

  test('says and counts that the table is unavailable when a read fails', async () => {
    const { table, end, events } = scene();
    table.read = unreachable;
    const result = await end();

    expect(result).toMatchObject({
      seen: { wall: noon, monotonic: 0 },
      failure: { code: 'table_unavailable', message: 'detail' },
    });
    expect(result).not.toHaveProperty('generation');
    expect(events).toEqual(['saw table_unavailable']);
  });

  /** A table that answers nothing until the signal aborts. */
  const silent = async (_: string, signal: AbortSignal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return await unreachable();
  };

  test('says that no time was left when the first read was cut', async () => {
    const { table, end, events, clock } = scene();
    table.read = silent;
    const { failure } = await end({}, { until: 700 });

    expect(clock.monotonic()).toBe(700);
    expect(failure).toMatchObject({
      code: 'deadline',
      message: 'no time was left to wait for the table or the secret',
    });
    expect(events).toEqual([]);
  });

  test('keeps the cause when no time is left, because the log then names what was waited for', async () => {
    const { table, end } = scene();
    const cause = new Error('at its limit');
    table.read = async (_, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new BrokerError('table_unavailable', 'detail', { cause });
    };
    const { failure } = await end({}, { until: 700 });

    expect(failure?.code).toBe('deadline');
    expect(failure?.cause).toBe(cause);
  });

  test('says that another login is under way when a later read was cut', async () => {
    const { table, start, events, clock } = scene(leaseFor(9000));
    const result = start({}, { until: 700 });
    await clock.advance(10);
    table.read = silent;

    expect((await clock.until(result)).failure?.code).toBe('renewal_in_progress');
    expect(events).toEqual([]);
  });

  test('says that another login is under way when the reading of the secret was cut', async () => {
    const { end } = scene(
      {},
      {
        readCredentials: async (_, { signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          throw new BrokerError('secret_unavailable', 'detail');
        },
      },
    );

    expect((await end({}, { until: 700 })).failure?.code).toBe('renewal_in_progress');
  });

  test('reports what is wrong with the secret when that came in time, or is not that it was cut', async () => {
    const early = scene({}, { readCredentials: () => Promise.reject(new BrokerError('secret_unavailable', 'detail')) });
    expect((await early.end()).failure?.code).toBe('secret_unavailable');
    const late = scene(
      {},
      {
        readCredentials: async (_, { signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          throw new BrokerError('secret_missing', 'detail');
        },
      },
    );

    expect((await late.end({}, { until: 700 })).failure?.code).toBe('secret_missing');
  });

  test('reports an internal failure when something unexpected is thrown, and returns the token that was read', async () => {
    const token = tokenWith(100_000);
    const { end, events } = scene(
      { token },
      {
        login: () => {
          throw new Error('odd');
        },
      },
    );

    expect(await end()).toMatchObject({ token, failure: { code: 'internal', message: 'unexpected failure' } });
    expect(events).toEqual([]);
  });
});

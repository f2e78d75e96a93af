// Tests when the broker trusts what it read from the table (lambda/broker/item-reader.ts).

import { describe, expect, test } from 'vitest';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import type { Clock } from '../../../../lambda/broker/clock.ts';
import type { Item } from '../../../../lambda/broker/item.ts';
import { createItemReader } from '../../../../lambda/broker/item-reader.ts';
import { createLocalState } from '../../../../lambda/broker/local-state.ts';
import { type Ports, portsOf } from '../../../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../../../lambda/config.ts';
import { accountScene, noon, tokenWith } from '../../../support/core/account-scene.ts';

const never = new AbortController().signal;
const token = tokenWith(600_000);

interface ReadTimes {
  readonly offMs: number;
  readonly throttledMs?: number;
  readonly thereMs?: number;
  readonly backMs?: number;
  readonly hasTime?: boolean;
}

/**
 * Reads the table with a clock that is `offMs` from true time. The request is throttled for `throttledMs`, then takes `thereMs`
 * to the table, and its answer takes `backMs`. Milliseconds.
 */
async function readWith(times: ReadTimes) {
  const { offMs, throttledMs, thereMs = 0, backMs = 0, hasTime = true } = times;
  let elapsedMs = 0;
  const clock: Clock = {
    now: () => noon + elapsedMs + offMs,
    monotonic: () => elapsedMs,
    sleep: () => Promise.resolve(),
  };
  const observed: string[] = [];
  const table: Ports['table'] = {
    read: async (account) => {
      elapsedMs += throttledMs ?? 0;
      const sent = throttledMs !== undefined && { sentAt: clock.now() };
      elapsedMs += thereMs;
      const at = Math.floor((noon + elapsedMs) / 1000) * 1000;
      elapsedMs += backMs;
      return { item: emptyItem(account), ...(hasTime && { at }), ...sent };
    },
    claim: () => Promise.reject(new Error('not asked for here')),
    write: () => Promise.reject(new Error('not asked for here')),
    bindUser: () => Promise.reject(new Error('not asked for here')),
  };
  const ports = portsOf('a', {
    ...{ clock, table, random: Math.random, tokenUrl: 'https://fegora.invalid/token' },
    observe: ({ kind }) => observed.push(kind),
    readCredentials: () => Promise.reject(new Error('not asked for here')),
    login: () => Promise.reject(new Error('not asked for here')),
    isConfigured: () => true,
    loginBudget: defaultLoginBudget,
  });
  const { item } = await createItemReader(ports, createLocalState())(undefined, never);
  return { isTrusted: item.fault === undefined, observed };
}

test.for([
  { offMs: 12_000, thereMs: 12_000 },
  { offMs: -12_000, backMs: 13_000 },
  { offMs: 5000, throttledMs: 9000 },
  { offMs: -5000, throttledMs: 9000 },
])('does not trust an item when the process was stopped during its read and its clock is wrong: %o', async (times) => {
  expect(await readWith(times)).toEqual({ isTrusted: false, observed: ['clock_unsteady'] });
});

test.for([
  { offMs: 0, thereMs: 2900 },
  { offMs: 0, backMs: 2900 },
  { offMs: 2000, thereMs: 500, backMs: 500 },
  { offMs: -2000, thereMs: 500, backMs: 500 },
  { offMs: 4000 },
  { offMs: -3000 },
  { offMs: 0, throttledMs: 9000 },
  { offMs: -2000, throttledMs: 9000, thereMs: 500 },
])('trusts an item when the clock is right and the table is slow: %o', async (times) => {
  expect(await readWith(times)).toEqual({ isTrusted: true, observed: [] });
});

test.for([5000, 4001, -3001, -5000])('does not trust an item when the clock is %i ms off', async (offMs) => {
  expect(await readWith({ offMs })).toEqual({ isTrusted: false, observed: ['clock_unsteady'] });
});

test('does not trust an item when the answer of the table has no time', async () => {
  expect(await readWith({ offMs: 0, hasTime: false })).toEqual({ isTrusted: false, observed: ['clock_unsteady'] });
});

/** The reader of an account whose item the test holds. */
function scene(rest: Partial<Item> = {}) {
  const account = accountScene(rest);
  const state = createLocalState();
  const shift = { ms: 0 };
  const clock = account.clock.shifted(() => shift.ms);
  const readItem = createItemReader({ ...account.ports, clock }, state);
  const read = (rejected?: string) => readItem(rejected, never);
  return { ...account, state, shift, read };
}

test('counts an item as faulty when its lease ends later than the clocks of all environments allow', async () => {
  const { read, stored } = scene({ leaseUntil: noon + 19_000, token });
  expect(await read()).toMatchObject({ item: stored.item, current: token });
  stored.item = { ...stored.item, leaseUntil: noon + 19_001 };

  expect(await read()).toMatchObject({ item: { fault: 'lease_until' }, current: undefined });
});

test('counts a latest login as none when it is yet to come by more than clocks may differ', async () => {
  const { read, stored } = scene({ lastLogin: noon + 2000, token });
  expect((await read()).item.lastLogin).toBe(noon + 2000);
  stored.item = { ...stored.item, lastLogin: noon + 2001 };
  const { item, current } = await read();

  expect(item).not.toHaveProperty('lastLogin');
  expect(item.fault).toBeUndefined();
  expect(current).toBe(token);
});

test('finds the stored token, unless the caller reported it', async () => {
  const { read } = scene({ token });

  expect((await read()).current).toBe(token);
  expect((await read(token.fingerprint)).current).toBeUndefined();
});

test('knows the generation of an item whose times it does not trust, and none of a faulty item', async () => {
  const { read, shift, stored, events } = scene({ generation: 7, token });
  expect(await read()).toMatchObject({ generation: 7, seen: { wall: noon, monotonic: 0 } });
  shift.ms = 60_000;
  expect(await read()).toMatchObject({ generation: 7, item: { fault: 'its time is not ours' }, current: undefined });
  shift.ms = 0;
  events.length = 0;
  stored.item = { ...stored.item, fault: 'schema' };

  expect(await read()).not.toHaveProperty('generation');
  expect(events).toEqual([]);
});

test('reads once more, and trusts what it reads then, when the clock was set during the first read', async () => {
  const { read, reads, shift, table, events } = scene({ token });
  const { read: inTime } = table;
  shift.ms = 3000;
  table.read = async (...from) => {
    const answer = await inTime(...from);
    shift.ms = 0;
    return answer;
  };
  expect((await read()).item.fault).toBeUndefined();
  expect(reads).toHaveLength(2);
  expect(events).toEqual([]);
});

describe('rejections that could not be written before', () => {
  const rejectionOf = (key: string) => ({ kind: 'reject', key }) as const;

  test('writes earlier rejections before it reads the item, and forgets them when the table has taken them', async () => {
    const { read, state, events, table } = scene();
    const { read: inTime } = table;
    table.read = (...from) => {
      events.push('read');
      return inTime(...from);
    };
    state.unwrittenRejections.set('key-1', rejectionOf('key-1')).set('key-2', rejectionOf('key-2'));
    await read();

    expect(events).toEqual(['reject', 'reject', 'read']);
    expect(state.unwrittenRejections.size).toBe(0);
  });

  test('keeps earlier rejections, and reads the item, when the table refuses them or does not answer', async () => {
    for (const write of [async () => false, () => Promise.reject(new Error('odd'))]) {
      const { read, state, table } = scene({ token });
      table.write = write;
      state.unwrittenRejections.set('key-1', rejectionOf('key-1'));

      expect((await read()).current).toBe(token);
      expect([...state.unwrittenRejections.keys()]).toEqual(['key-1']);
    }
  });
});

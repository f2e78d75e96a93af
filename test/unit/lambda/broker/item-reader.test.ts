// Tests when the broker trusts what it read from the table (lambda/broker/item-reader.ts).

import { expect, test } from 'vitest';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import type { Clock } from '../../../../lambda/broker/clock.ts';
import { createItemReader } from '../../../../lambda/broker/item-reader.ts';
import { createLocalState } from '../../../../lambda/broker/local-state.ts';
import { type Ports, portsOf } from '../../../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../../../lambda/config.ts';

const noon = Date.UTC(2026, 10, 24, 12);
const never = new AbortController().signal;

interface ReadTimes {
  readonly offMs: number;
  readonly thereMs?: number;
  readonly backMs?: number;
  readonly hasTime?: boolean;
}

/**
 * Reads the table with a clock that is `offMs` from true time. The request takes `thereMs` to the table and its answer
 * takes `backMs`. Milliseconds.
 */
async function readWith(times: ReadTimes) {
  const { offMs, thereMs = 0, backMs = 0, hasTime = true } = times;
  let elapsedMs = 0;
  const clock: Clock = {
    now: () => noon + elapsedMs + offMs,
    monotonic: () => elapsedMs,
    sleep: () => Promise.resolve(),
  };
  const observed: string[] = [];
  const table: Ports['table'] = {
    read: async (account) => {
      elapsedMs += thereMs;
      const at = Math.floor((noon + elapsedMs) / 1000) * 1000;
      elapsedMs += backMs;
      return { item: emptyItem(account), ...(hasTime && { at }) };
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
])('does not trust an item when the process was stopped during its read and its clock is wrong: %o', async (times) => {
  expect(await readWith(times)).toEqual({ isTrusted: false, observed: ['clock_unsteady'] });
});

test.for([
  { offMs: 0, thereMs: 2900 },
  { offMs: 0, backMs: 2900 },
  { offMs: 2000, thereMs: 500, backMs: 500 },
  { offMs: -2000, thereMs: 500, backMs: 500 },
])('trusts an item when the clock is right and the table is slow: %o', async (times) => {
  expect(await readWith(times)).toEqual({ isTrusted: true, observed: [] });
});

test.for([5000, -5000])('does not trust an item when the clock is %i ms off', async (offMs) => {
  expect(await readWith({ offMs })).toEqual({ isTrusted: false, observed: ['clock_unsteady'] });
});

test('does not trust an item when the answer of the table has no time', async () => {
  expect(await readWith({ offMs: 0, hasTime: false })).toEqual({ isTrusted: false, observed: ['clock_unsteady'] });
});

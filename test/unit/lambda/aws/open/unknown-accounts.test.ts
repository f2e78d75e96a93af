// What is remembered of ids that no account has (lambda/aws/open/unknown-accounts.ts): for a minute, and not too many.
import { expect, test } from 'vitest';
import { createUnknownAccounts } from '../../../../../lambda/aws/open/unknown-accounts.ts';

const noon = Date.UTC(2026, 10, 24, 12);

function start() {
  let now = noon;
  const at = (ms: number) => {
    now = noon + ms;
  };
  return { ids: createUnknownAccounts(() => now), at };
}

test('an id is remembered for a minute, and no longer when the clock went back', () => {
  const { ids, at } = start();
  ids.add('tienda-1');
  const remembered = [0, 59_999, 60_000, -1].map((ms) => {
    at(ms);
    return ids.has('tienda-1');
  });

  expect(remembered).toEqual([true, true, false, false]);
  expect(ids.has('tienda-2')).toBe(false);
  at(4999);
  expect([4999, 5000].map((withinMs) => ids.has('tienda-1', withinMs))).toEqual([false, true]);
});

test('an id is forgotten at once when it has turned out to be an account', () => {
  const { ids } = start();
  ids.add('tienda-1');
  ids.delete('tienda-1');

  expect(ids.has('tienda-1')).toBe(false);
});

test('promise 65: no more than 10,000 ids are remembered, and none is forgotten before its minute is over', () => {
  const { ids, at } = start();
  const names = Array.from({ length: 10_001 }, (_, index) => `unknown-${index}`);
  const free = names.map((name, index) => {
    at(index);
    const fullForMs = ids.fullForMs();
    ids.add(name);
    return fullForMs;
  });

  expect(free.slice(0, -1).every((ms) => ms === 0)).toBe(true);
  expect(free.at(-1)).toBe(50_000);
  expect(names.map((name) => ids.has(name))).toEqual(names.map((_, index) => index < 10_000));
  at(60_000);
  expect(ids.fullForMs()).toBe(0);
});

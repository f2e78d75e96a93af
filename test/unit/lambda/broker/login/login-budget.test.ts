// Tests how many logins a Fegora user gets (lambda/broker/login/login-budget.ts).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { budgetBlock, budgetFor, forcedBlock, isHalfUsed } from '../../../../../lambda/broker/login/login-budget.ts';
import type { LoginBudget } from '../../../../../lambda/broker/ports.ts';

const now = Date.UTC(2026, 10, 24, 12);
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const budget: LoginBudget = { perHour: 12, perDay: 150 };

/** Logins at these minutes ago, oldest first. */
function logins(minutesAgo: readonly number[], tag = '') {
  return minutesAgo.map((minutes) => ({ at: now - minutes * minuteMs, tag }));
}

const twelve = [55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 5, 4];

describe('promise 78: the login budget', () => {
  test('allows a login until the hour has its twelve', () => {
    expect(budgetBlock(logins(twelve.slice(1)), budget, now)).toBeUndefined();
    expect(budgetBlock(logins(twelve), budget, now)).toMatchObject({
      code: 'login_budget',
      retryAfterMs: 11 * minuteMs,
    });
  });

  test('allows one login in 15 minutes once it is used up', () => {
    const used = logins([50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 15]);

    expect(budgetBlock(used, budget, now)).toBeUndefined();
    expect(budgetBlock([...used, { at: now, tag: '' }], budget, now + 1)).toMatchObject({ code: 'login_budget' });
  });

  test('counts the day as well as the hour', () => {
    const used = logins(Array.from({ length: 150 }, (_, index) => 1400 - index * 9));

    expect(budgetBlock(used, budget, now - 50 * minuteMs)).toMatchObject({ code: 'login_budget' });
    expect(budgetBlock(used.slice(1), budget, now - 50 * minuteMs)).toBeUndefined();
  });

  test('is never exceeded in any hour, but by one login in 15 minutes, when every login starts as soon as it may', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 10 * minuteMs }), { minLength: 50, maxLength: 120 }), (gaps) => {
        const log: { at: number; tag: string }[] = [];
        let clock = now;
        for (const gap of gaps) {
          clock += gap;
          clock += budgetBlock(log, budget, clock)?.retryAfterMs ?? 0;
          log.push({ at: clock, tag: '' });
        }
        const mostInHour = log.map(({ at }) => log.filter((one) => one.at > at - hourMs && one.at <= at).length);
        expect(Math.max(...mostInHour)).toBeLessThanOrEqual(budget.perHour + 4);
      }),
    );
  });

  test('is as large as the settings say when tokens live long, or when there was none yet', () => {
    expect(budgetFor(budget, undefined)).toEqual(budget);
    expect(budgetFor(budget, hourMs)).toEqual(budget);
  });

  test('has four logins for each lifetime when tokens live for a short time', () => {
    expect(budgetFor(budget, 7 * minuteMs)).toEqual({ perHour: 35, perDay: 823 });
    expect(budgetFor(budget, 30 * minuteMs)).toEqual({ perHour: 12, perDay: 192 });
  });

  test('does not count a login for the hour when it is exactly one hour old', () => {
    expect(isHalfUsed(logins([60, 5, 4, 3, 2, 1]), budget, now)).toBe(false);
    expect(isHalfUsed(logins([60, 5, 4, 3, 2, 1]), budget, now - 1)).toBe(true);
  });

  test('is half used at half of the hour or of the day', () => {
    expect(isHalfUsed(logins(twelve.slice(7)), budget, now)).toBe(false);
    expect(isHalfUsed(logins(twelve.slice(6)), budget, now)).toBe(true);
    expect(isHalfUsed(logins(Array.from({ length: 75 }, (_, index) => 1400 - index * 9)), budget, now)).toBe(true);
  });
});

describe('promise 78: forced renewals', () => {
  test('are shared out: a caller gets three in five minutes, and half of the budget in an hour', () => {
    const caller = 'aaaaaaaa';

    expect(forcedBlock(logins([4, 3], caller), caller, budget, now)).toBeUndefined();
    expect(forcedBlock(logins([4, 3, 2], caller), caller, budget, now)).toMatchObject({
      code: 'too_many_rejections',
      retryAfterMs: minuteMs,
    });
    expect(forcedBlock(logins([59, 49, 39, 29, 19, 9], caller), caller, budget, now)).toMatchObject({
      retryAfterMs: minuteMs,
    });
  });

  test('of one caller leave the others theirs', () => {
    expect(forcedBlock(logins([4, 3, 2], 'aaaaaaaa'), 'bbbbbbbb', budget, now)).toBeUndefined();
  });
});

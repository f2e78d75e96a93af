import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { marginMs, tokenMemory, windowMs } from '../../../client/token-cache.ts';
import { fingerprintOf, noon } from '../../support/client/broker.ts';

const heard = (accessToken: string, expiresIn: number, sentAt = noon) => ({
  answer: { accessToken, expiresIn, fingerprint: fingerprintOf(accessToken), account: 'a' },
  sentAt,
});

test('the margin is a tenth of the life, 2 s to 60 s', () => {
  const margins = [5, 20, 60, 600, 1799, 86_399].map((seconds) => marginMs(seconds * 1000) / 1000);

  expect(margins).toEqual([2, 2, 6, 60, 60, 60]);
});

test('the window is a sixth of the life, 5 minutes at most, a quarter of it up to chance', () => {
  expect(windowMs(60_000, 0)).toBe(10_000);
  expect(windowMs(1_799_000, 0)).toBeCloseTo(299_833, 0);
  expect(windowMs(86_399_000, 0)).toBe(300_000);
  expect(windowMs(86_399_000, 1)).toBe(225_000);
});

test('the life is counted from before the question, so that a slow answer costs the token and not its holder', () => {
  const memory = tokenMemory(0);

  expect(memory.keep(heard('token-a', 1799, noon - 8_000), 0).expiresAt).toBe(noon - 8_000 + 1_799_000);
});

test('the margin stays that of the longest life told, however often the same token is asked for again', () => {
  const memory = tokenMemory(0);
  memory.keep(heard('token-a', 1799), 0);
  const late = noon + (1799 - 100) * 1000;
  memory.keep(heard('token-a', 100, late), 0);

  expect(memory.servable(late + 39_000)?.accessToken).toBe('token-a');
  expect(memory.servable(late + 40_000)).toBeUndefined();
});

test('the same token is asked for again after 30 s at the earliest', () => {
  const memory = tokenMemory(0);
  memory.keep(heard('token-a', 1799), 0);
  const inWindow = noon + 1_600_000;
  memory.keep(heard('token-a', 199, inWindow), 0);

  expect(memory.renewable(inWindow + 29_999)).toBe(false);
  expect(memory.renewable(inWindow + 30_000)).toBe(true);
});

test('an answer sent before a rejection does not bring the rejected token back', () => {
  const memory = tokenMemory(0);
  memory.keep(heard('token-a', 1799), 0);
  memory.reject(fingerprintOf('token-a'));
  memory.keep(heard('token-b', 1799), 0);
  memory.keep(heard('token-a', 1799), 0);

  expect(memory.servable(noon)?.accessToken).toBe('token-b');
});

test('a warning goes to whoever asked, and not to those whom the token serves later', () => {
  const memory = tokenMemory(0);
  const { answer, sentAt } = heard('token-a', 1799);
  const told = memory.keep({ answer: { ...answer, warning: 'min_validity_unmet' }, sentAt }, 3_600_000);

  expect(told.warning).toBe('min_validity_unmet');
  expect(memory.servable(noon)).toEqual({ ...told, warning: undefined });
});

describe('validity asked for', () => {
  test('suffices while it is there', () => {
    const memory = tokenMemory(0);
    memory.keep(heard('token-a', 1799), 0);

    expect(memory.suffices(900_000, noon + 899_000)).toBe(true);
    expect(memory.suffices(900_000, noon + 899_001)).toBe(false);
  });

  test('suffices for half of what was left where the broker had no better to give', () => {
    const memory = tokenMemory(0);
    memory.keep(heard('token-a', 1799), 3_600_000);

    expect(memory.suffices(3_600_000, noon + 899_000)).toBe(true);
    expect(memory.suffices(3_600_001, noon)).toBe(false);
    expect(memory.suffices(3_600_000, noon + 900_000)).toBe(false);
  });
});

test('nothing is served that has less than its margin left, whatever was told and when', () => {
  const tokens = fc.record({ expiresIn: fc.integer({ min: 1, max: 90_000 }), after: fc.nat(100_000) });
  fc.assert(
    fc.property(fc.array(tokens, { minLength: 1, maxLength: 5 }), fc.nat(100_000_000), (told, laterMs) => {
      const memory = tokenMemory(0.5);
      const kept = told.map(({ expiresIn, after }) => memory.keep(heard('token-a', expiresIn, noon + after), 0));
      const served = memory.servable(noon + laterMs);
      const shortest = Math.min(...told.map(({ expiresIn }) => expiresIn * 1000));
      if (served !== undefined) {
        expect(served).toEqual(kept.at(-1));
        expect(served.expiresAt - (noon + laterMs)).toBeGreaterThan(marginMs(shortest));
      }
    }),
  );
});

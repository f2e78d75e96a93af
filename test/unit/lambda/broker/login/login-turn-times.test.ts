// Tests how much time a connection and a login get, and when there is too little (lambda/broker/login/login-turn.ts).
import { describe, expect, test } from 'vitest';
import type { FailedLogin } from '../../../../../lambda/broker/login/login-outcome.ts';
import { failedLogin, noon, tokenWith } from '../../../../support/core/login-order.ts';
import { type TurnScene, turnScene } from '../../../../support/core/login-turn.ts';

const unanswered = failedLogin('upstream_timeout', { reached: 'unknown' });
const unconnected: FailedLogin = failedLogin('upstream_timeout', { reached: 'no' });
/** A token that is servable until this many milliseconds after noon: its margin is one minute. */
const servableFor = (ms: number) => tokenWith(noon + ms + 60_000 - 600_000, { lifetimeMs: 600_000 });
const longLived = servableFor(100_000);
const ahead = { current: longLived, decision: { isBackground: true } };
const servedUpTo = (ms: number) => ({
  ...{ token: servableFor(ms), generation: 4, seen: { wall: noon, monotonic: 0 }, source: 'shared', isShared: true },
});

/** After how many milliseconds a connection, or a login, that hangs is given up. */
async function connectionMs(parts: TurnScene): Promise<number> {
  const scene = turnScene({ unconnected, connectMs: 60_000, ...parts });
  await scene.turn();
  return scene.clock.monotonic();
}

async function loginMs(parts: TurnScene): Promise<number> {
  const scene = turnScene({ outcome: unanswered, answerMs: 60_000, ...parts });
  await scene.turn();
  expect(scene.steps.at(-1)).toBe('claim');
  return scene.clock.monotonic();
}

describe('the time for connecting', () => {
  const cases: readonly (readonly [string, TurnScene, number])[] = [
    ['8 s when the caller waits for the login', {}, 8000],
    ['what leaves 10 s to the login when the invocation has less', { leftMs: 17_999 }, 7999],
    ['2 s when the caller has a token', ahead, 2000],
    ['8 s when the renewal before it failed', { ...ahead, item: { renewAt: noon - 1 } }, 8000],
    ['what leaves 10 s to the renewal when the invocation has less', { ...ahead, leftMs: 11_000 }, 1000],
  ];

  test.each(cases)('is %s', async (_, scene, ms) => {
    expect(await connectionMs(scene)).toBe(ms);
  });
});

describe('the time for a login', () => {
  const isPatient = true;
  const failedBefore = { item: { renewAt: noon - 1 } };
  const cases: readonly (readonly [string, TurnScene, number])[] = [
    ['8 s when the caller waits for it', {}, 8000],
    ['what leaves 2.5 s when the invocation has less', { leftMs: 10_200 }, 7700],
    ['21 s when it is patient', { decision: { isPatient } }, 21_000],
    [
      'what leaves 2.5 s when it is patient and the invocation has less',
      { decision: { isPatient }, leftMs: 15_000 },
      12_500,
    ],
    ['2 s when it is ahead of need', ahead, 2000],
    [
      '2 s when it is ahead of need, also if it could be patient',
      { ...ahead, decision: { isBackground: true, isPatient } },
      2000,
    ],
    ['8 s when it is ahead of need and the renewal before it failed', { ...ahead, ...failedBefore }, 8000],
    ['8 s when it is ahead of need and Fegora is slow', { ...ahead, item: { isSlow: true } }, 8000],
    [
      '8 s when it is ahead of need and a password may be wrong',
      { ...ahead, item: { sends: [{ at: noon - 1, tag: 'x' }] } },
      8000,
    ],
  ];

  test.each(cases)('is %s', async (_, scene, ms) => {
    expect(await loginMs(scene)).toBe(ms);
  });
});

describe('a turn with too little time', () => {
  test('claims when 10 s are left after the secret is read, and makes no claim when it is one millisecond less', async () => {
    const late = turnScene({ leftMs: 18_000, secretMs: 8000 });
    const tooLate = turnScene({ leftMs: 18_000, secretMs: 8001 });

    expect(await late.turn()).toMatchObject({ source: 'upstream' });
    expect(await tooLate.turn()).toMatchObject({ code: 'deadline' });
    expect(tooLate.steps).toEqual(['connect', 'secret']);
    expect(tooLate.used.closed).toBe(1);
  });

  test.each([2001, -2001])(
    'reads the item again when the wall clock moved by %i ms since it was read',
    async (jumpMs) => {
      const scene = turnScene({ jumpMs });

      expect(await scene.turn()).toEqual({ againAt: noon + jumpMs });
      expect(scene.claims).toEqual([]);
      expect(scene.used.closed).toBe(1);
    },
  );

  test.each([2000, -2000])('logs in when the wall clock moved by %i ms since it was read', async (jumpMs) => {
    expect(await turnScene({ jumpMs }).turn()).toMatchObject({ source: 'upstream' });
  });
});

describe('a renewal ahead of need', () => {
  const renewed = (ms: number, parts: TurnScene = {}, isPatient = false) =>
    turnScene({ current: servableFor(ms), decision: { isBackground: true, isPatient }, ...parts }).turn();
  const failedBefore = { item: { renewAt: noon - 1, lastError: { code: 'upstream_redirect', at: noon - 2 } } } as const;

  test('is made when the stored token is servable for 6.5 s more, and not for one millisecond less', async () => {
    expect(await renewed(6500)).toMatchObject({ source: 'upstream' });
    expect(await renewed(6499)).toStrictEqual(servedUpTo(6499));
  });

  test('needs a token that outlives 8 s and 2.5 s when the renewal before it failed, and tells of that failure', async () => {
    expect(await renewed(10_500, failedBefore)).toMatchObject({ source: 'upstream' });
    expect(await renewed(10_499, failedBefore)).toStrictEqual({
      ...servedUpTo(10_499),
      failure: expect.objectContaining({ code: 'upstream_redirect' }),
    });
  });

  test('needs a token that outlives 21 s and 2.5 s when the renewal before it failed and it is patient', async () => {
    expect(await renewed(23_500, failedBefore, true)).toMatchObject({ source: 'upstream' });
    expect(await renewed(23_499, failedBefore, true)).toMatchObject({ source: 'shared' });
  });

  test('says in its failure when the next one comes', async () => {
    const scene = turnScene({ ...ahead, outcome: failedLogin('upstream_unavailable') });
    await scene.turn();

    expect(scene.written()).toMatchObject([{ kind: 'fail', renewAt: noon + 500 + 60_000 }]);
  });
});

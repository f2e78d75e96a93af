// Tests the guard that stops a login before its first byte or at its deadline (lambda/broker/login/login-guard.ts).
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../../../lambda/broker/clock.ts';
import { isSteady, momentOf } from '../../../../../lambda/broker/clock.ts';
import {
  answerReserveMs,
  armGuard,
  loginLimitMs,
  loginNeedsMs,
} from '../../../../../lambda/broker/login/login-guard.ts';
import { createVirtualClock } from '../../../../support/virtual-clock.ts';

const hourMs = 3_600_000;

/** A clock whose wall time and monotonic time can be moved apart. */
function jumpyClock() {
  const clock = createVirtualClock();
  const jump = { wallMs: 0, monotonicMs: 0 };
  const jumpy: Clock = {
    now: () => clock.now() + jump.wallMs,
    monotonic: () => clock.monotonic() + jump.monotonicMs,
    sleep: clock.sleep,
  };
  return { clock, jump, jumpy };
}

describe('the time limits of a login', () => {
  test('starts a login only if 10 s are left, and keeps 2.5 s of them for the rest', () => {
    expect(loginNeedsMs).toBe(10_000);
    expect(loginLimitMs(10_000)).toBe(7500);
    expect(loginLimitMs(10_499)).toBe(7999);
  });

  test('gives a login at most 8 s and keeps half a second for the answer', () => {
    expect(loginLimitMs(10_500)).toBe(8000);
    expect(loginLimitMs(25_000)).toBe(8000);
    expect(answerReserveMs).toBe(500);
  });
});

describe('the login guard', () => {
  test('lets the first byte through up to 2 s after the guard was armed, and records the moment', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000 });

    expect(guard.sent()).toBeUndefined();
    expect(guard.armed).toEqual(momentOf(jumpy));
    await clock.advance(2000);
    guard.beforeFirstByte();
    expect(guard.sent()).toEqual(momentOf(jumpy));
    guard.disarm();
  });

  test('stops the first byte when the guard was armed more than 2 s ago', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000 });
    await clock.advance(2001);

    expect(guard.beforeFirstByte()).toBe(false);
    expect(guard.sent()).toBeUndefined();
    guard.disarm();
  });

  const jumps = [
    ['wall', 2000, true],
    ['wall', 2001, false],
    ['wall', -2000, true],
    ['wall', -2001, false],
    ['wall', 3 * hourMs, false],
    ['wall', -3 * hourMs, false],
    ['monotonic', 2000, true],
    ['monotonic', 2001, false],
  ] as const;

  test.each(jumps)(
    'lets the first byte through only within 2 s when the %s clock jumps by %i ms (sent: %s)',
    (face, byMs, passes) => {
      const { jump, jumpy } = jumpyClock();
      const guard = armGuard(jumpy, { deadlineMs: 8000 });
      jump[`${face}Ms`] = byMs;

      if (passes) {
        expect(guard.beforeFirstByte()).toBe(true);
        expect(guard.sent()).toBeDefined();
      } else {
        expect(guard.beforeFirstByte()).toBe(false);
      }
      guard.disarm();
    },
  );

  test('counts time from the moment of arming when the wall clock jumps', async () => {
    const { clock, jump, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000 });
    await clock.advance(1500);
    jump.wallMs = 3 * hourMs;

    expect(guard.now()).toBe(guard.armed.wall + 1500);
    guard.disarm();
  });

  test('aborts the login at its deadline and not before', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 7900 });
    await clock.advance(7899);
    expect(guard.signal.aborted).toBe(false);
    await clock.advance(1);

    expect(guard.signal.aborted).toBe(true);
  });

  test('aborts within half a second when the wall clock shows that the deadline passed while the machine was suspended', async () => {
    const { clock, jump, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000 });
    await clock.advance(100);
    jump.wallMs = 3 * hourMs;
    await clock.advance(400);

    expect(guard.signal.aborted).toBe(true);
  });

  test('aborts two turns of the event loop after the deadline, so that an answer that has arrived is read', async () => {
    let wake = () => {};
    let elapsedMs = 0;
    const clock: Clock = {
      now: () => elapsedMs,
      monotonic: () => elapsedMs,
      sleep: () =>
        new Promise((resolve) => {
          wake = resolve;
        }),
    };
    const guard = armGuard(clock, { deadlineMs: 400 });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    elapsedMs = 400;
    wake();
    await turn();
    expect(guard.signal.aborted).toBe(false);
    await turn();
    await turn();

    expect(guard.signal.aborted).toBe(true);
  });

  test('aborts the given time after the first byte when the login is cut short', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000, cutAfterSendMs: 2000 });
    await clock.advance(1000);
    guard.beforeFirstByte();
    await clock.advance(1999);
    expect(guard.signal.aborted).toBe(false);
    await clock.advance(1);

    expect(guard.signal.aborted).toBe(true);
  });

  test('does not cut the login short while no byte is sent', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000, cutAfterSendMs: 2000 });
    await clock.advance(7999);

    expect(guard.signal.aborted).toBe(false);
    guard.disarm();
  });

  test('never aborts when the guard is disarmed', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000, cutAfterSendMs: 2000 });
    guard.beforeFirstByte();
    guard.disarm();
    await clock.advance(20_000);

    expect(guard.signal.aborted).toBe(false);
  });
});

describe('steady clocks', () => {
  test('counts the clocks as steady when both agree within 2 s on the time that passed', async () => {
    const { clock, jump, jumpy } = jumpyClock();
    const moment = momentOf(jumpy);
    await clock.advance(60_000);

    expect(isSteady(jumpy, moment)).toBe(true);
    for (const [wallMs, steady] of [
      [2000, true],
      [-2000, true],
      [2001, false],
      [-2001, false],
    ] as const) {
      jump.wallMs = wallMs;
      expect(isSteady(jumpy, moment)).toBe(steady);
    }
  });

  test('counts the clocks as unsteady when the monotonic clock stood still during a suspension', () => {
    const { jump, jumpy } = jumpyClock();
    const moment = momentOf(jumpy);
    jump.monotonicMs = 2001;

    expect(isSteady(jumpy, moment)).toBe(false);
  });
});

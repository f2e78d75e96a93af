import { describe, expect, test } from 'vitest';
import {
  answerReserveMs,
  armGuard,
  GuardExpired,
  isSteady,
  loginLimitMs,
  loginNeedsMs,
  momentOf,
} from '../../../../lambda/broker/login-guard.ts';
import type { Clock } from '../../../../lambda/broker/ports.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const hourMs = 3_600_000;

/** A clock whose two faces can be moved apart. */
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

describe('the numbers of a login', () => {
  test('10 s must be left for one, of which 2.5 s stay free of it', () => {
    expect(loginNeedsMs).toBe(10_000);
    expect(loginLimitMs(10_000)).toBe(7500);
    expect(loginLimitMs(10_499)).toBe(7999);
  });

  test('8 s at most, and half a second is kept for answering', () => {
    expect(loginLimitMs(10_500)).toBe(8000);
    expect(loginLimitMs(25_000)).toBe(8000);
    expect(answerReserveMs).toBe(500);
  });
});

describe('the guard', () => {
  test('lets the first byte through up to 2 s after it was armed, and says when', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000 });

    expect(guard.sent()).toBeUndefined();
    expect(guard.armed).toEqual(momentOf(jumpy));
    await clock.advance(2000);
    guard.beforeFirstByte();
    expect(guard.sent()).toEqual(momentOf(jumpy));
    guard.disarm();
  });

  test('lets none through after that', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000 });
    await clock.advance(2001);

    expect(guard.beforeFirstByte).toThrow(GuardExpired);
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

  test.each(jumps)('the %s clock jumped by %i ms: sent %s', (face, byMs, passes) => {
    const { jump, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000 });
    jump[`${face}Ms`] = byMs;

    if (passes) {
      guard.beforeFirstByte();
      expect(guard.sent()).toBeDefined();
    } else {
      expect(guard.beforeFirstByte).toThrow(GuardExpired);
    }
    guard.disarm();
  });

  test('knows the time by what it was when armed, whatever the wall clock does', async () => {
    const { clock, jump, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000 });
    await clock.advance(1500);
    jump.wallMs = 3 * hourMs;

    expect(guard.now()).toBe(guard.armed.wall + 1500);
    guard.disarm();
  });

  test('aborts at its deadline, not before', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 7900 });
    await clock.advance(7899);
    expect(guard.signal.aborted).toBe(false);
    await clock.advance(1);

    expect(guard.signal.aborted).toBe(true);
  });

  test('two turns of the event loop after it, so that an answer that has arrived is read', async () => {
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

  test('cut short, it aborts that long after the first byte', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000, cutAfterSendMs: 2000 });
    await clock.advance(1000);
    guard.beforeFirstByte();
    await clock.advance(1999);
    expect(guard.signal.aborted).toBe(false);
    await clock.advance(1);

    expect(guard.signal.aborted).toBe(true);
  });

  test('cut short, it does not abort for that before anything is sent', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000, cutAfterSendMs: 2000 });
    await clock.advance(7999);

    expect(guard.signal.aborted).toBe(false);
    guard.disarm();
  });

  test('disarmed, it never aborts', async () => {
    const { clock, jumpy } = jumpyClock();
    const guard = armGuard(jumpy, { deadlineMs: 8000, cutAfterSendMs: 2000 });
    guard.beforeFirstByte();
    guard.disarm();
    await clock.advance(20_000);

    expect(guard.signal.aborted).toBe(false);
  });
});

describe('steadiness', () => {
  test('two clocks that agree within 2 s on how long it was', async () => {
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

  test('a monotonic clock that stood still while the machine was suspended', () => {
    const { jump, jumpy } = jumpyClock();
    const moment = momentOf(jumpy);
    jump.monotonicMs = 2001;

    expect(isSteady(jumpy, moment)).toBe(false);
  });
});

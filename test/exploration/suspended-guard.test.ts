import { expect, test } from 'vitest';
import { armGuard } from '../../lambda/broker/login-guard.ts';
import { createUniverse } from './simulation.ts';

test('a machine that is suspended during a login hangs up as soon as it finds its deadline past', async () => {
  const universe = createUniverse();
  const host = universe.host('E', 0);
  const guard = armGuard(host.clock, { deadlineMs: 8000 });
  host.freeze('suspended');
  universe.after(9000, () => host.thaw('timers'));
  await universe.pass();
  const thawedAt = universe.now();

  while (!guard.signal.aborted) {
    await universe.pass();
  }

  // Its lease has 6 s to go: had the timer gone on where it stood, the connection would have been open for 8 s more.
  expect(universe.now() - thawedAt).toBeLessThanOrEqual(500);
});

test('a deadline is not kept waiting, nor brought forward, while all is well', async () => {
  const universe = createUniverse();
  const startedAt = universe.now();
  const guard = armGuard(universe.host('E', 0).clock, { deadlineMs: 7800 });

  while (!guard.signal.aborted) {
    await universe.pass();
  }

  expect(universe.now() - startedAt).toBe(7800);
});

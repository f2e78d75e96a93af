// Tests the login guard (lambda/broker/login/login-guard.ts) on a simulated machine that is suspended.
import { expect, test } from 'vitest';
import { armGuard } from '../../lambda/broker/login/login-guard.ts';
import { createSimulation } from './simulation.ts';

test('aborts a login within 500 ms when the machine wakes from a suspension after its deadline', async () => {
  const simulation = createSimulation();
  const host = simulation.host('E', 0);
  const guard = armGuard(host.clock, { deadlineMs: 8000 });
  host.freeze('suspended');
  simulation.after(9000, () => host.thaw('timers'));
  await simulation.pass();
  const thawedAt = simulation.now();

  while (!guard.signal.aborted) {
    await simulation.pass();
  }

  // The lease lasts 6 s more. If the timer had continued where it stopped, the connection would stay open for 8 s.
  expect(simulation.now() - thawedAt).toBeLessThanOrEqual(500);
});

test('aborts a login exactly at its deadline when the machine is not suspended', async () => {
  const simulation = createSimulation();
  const startedAt = simulation.now();
  const guard = armGuard(simulation.host('E', 0).clock, { deadlineMs: 7800 });

  while (!guard.signal.aborted) {
    await simulation.pass();
  }

  expect(simulation.now() - startedAt).toBe(7800);
});

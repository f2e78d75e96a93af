// Freezes the environment that holds a refresh token at every step, and thaws it after its lease (promise 69).
import { expect, test } from 'vitest';
import { runWithoutViolation } from './run.ts';

/** What an environment sent, in order: `E1.2 refresh 1`, `E2.1 v1`. */
function sendsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const [, host, what] = /(E[\d.]+) sends login \d+ of a with (refresh \d+|v\d+)/.exec(line) ?? [];
    return host === undefined ? [] : [`${host} ${what}`];
  });
}

test('promise 69: a holder that thaws after its lease sends no refresh token, and no one sends it twice', async () => {
  const orders = new Set<string>();
  let expired = 0;
  for (let after = 0; after < 40; after += 1) {
    const faults = [{ after, fault: { kind: 'stop-then-read', env: 0, ms: 20_000 } as const }];
    const { lines } = await runWithoutViolation({ scenario: 'expired', renewWith: 'refresh_token', order: 0, faults });
    const sends = sendsOf(lines.slice(lines.findIndex((line) => line.includes('the scenario starts'))));
    const refreshes = sends.filter((send) => send.includes('refresh'));
    expect(new Set(refreshes.map((send) => send.split(' ').slice(1).join(' '))).size).toBe(refreshes.length);
    orders.add(sends.slice(0, 2).join(', '));
    expired += lines.some((line) => line.includes('guard_expired')) ? 1 : 0;
  }

  // In some runs the holder froze between its claim and its send: another environment then sends the password.
  expect(expired).toBeGreaterThan(0);
  expect([...orders].some((order) => /^E[23]\.\d+ v1/.test(order))).toBe(true);
});

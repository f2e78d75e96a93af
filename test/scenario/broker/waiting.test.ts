// Tests how an environment waits for the login of another one.
import { describe, expect, test } from 'vitest';
import { startCluster } from '../../support/cluster.ts';

describe('a caller that waits for the login of another environment', () => {
  test.each([
    [0, [50, 100, 200, 250, 250]],
    [0.5, [100, 200, 400, 500, 500]],
    [1, [150, 300, 600, 750, 750]],
  ])('reads the table every 100 to 500 ms, half more or less at random (%d)', async (random, gaps) => {
    const { ask, until, pass, table, fegora } = await startCluster({ environments: 2, random: () => random });
    fegora.set({ delayMs: 4000 });
    const renewing = ask(0);
    await pass(10);
    const [answer] = await until(ask(1), renewing);

    expect(answer?.grant?.source).toBe('shared');
    const reads = table.calls.filter(({ environment }) => environment === 1).map(({ at }) => at);
    expect(reads.slice(1, 6).map((at, index) => at - (reads[index] ?? 0))).toEqual(gaps);
  });

  test('reads no secret while another environment logs in', async () => {
    const { ask, until, pass, secret, fegora } = await startCluster({ environments: 2 });
    fegora.set({ delayMs: 1000 });
    const renewing = ask(0);
    await pass(10);
    secret.isDown = true;
    const [answer] = await until(ask(1), renewing);

    expect(answer?.grant?.source).toBe('shared');
  });

  test('does not wait in the renewal window when another environment claimed a moment earlier', async () => {
    const { askAll, pass, fegora } = await startCluster({ environments: 2, random: () => 0 });
    await askAll();
    await pass(1_200_000);
    const answers = await askAll();

    expect(answers.map(({ tookMs }) => tookMs)).toEqual([0, 0]);
    expect(fegora.counters().logins).toBe(2);
  });
});

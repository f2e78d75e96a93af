import { describe, expect, test } from 'vitest';
import { startCluster } from '../../support/cluster.ts';

describe('whoever waits for the login of another environment', () => {
  test.each([
    [0, [50, 100, 200, 250, 250]],
    [0.5, [100, 200, 400, 500, 500]],
    [1, [150, 300, 600, 750, 750]],
  ])('looks every 100 to 500 ms, half more or less by chance (%d)', async (chance, gaps) => {
    const { ask, until, pass, table, fegora } = await startCluster({ environments: 2, random: () => chance });
    fegora.set({ delayMs: 4000 });
    const renewing = ask(0);
    await pass(10);
    const [answer] = await until(ask(1), renewing);

    expect(answer?.grant?.source).toBe('shared');
    const looks = table.calls.filter(({ environment }) => environment === 1).map(({ at }) => at);
    expect(looks.slice(1, 6).map((at, index) => at - (looks[index] ?? 0))).toEqual(gaps);
  });

  test('needs no secret of its own', async () => {
    const { ask, until, pass, secret, fegora } = await startCluster({ environments: 2 });
    fegora.set({ delayMs: 1000 });
    const renewing = ask(0);
    await pass(10);
    secret.isDown = true;
    const [answer] = await until(ask(1), renewing);

    expect(answer?.grant?.source).toBe('shared');
  });

  test('in the renewal window waits for none, were it only a moment slower with its claim', async () => {
    const { askAll, pass, fegora } = await startCluster({ environments: 2, random: () => 0 });
    await askAll();
    await pass(1_200_000);
    const answers = await askAll();

    expect(answers.map(({ tookMs }) => tookMs)).toEqual([0, 0]);
    expect(fegora.counters().logins).toBe(2);
  });
});

import { expect, test } from 'vitest';
import { startCluster } from '../fixtures/cluster.ts';

test('promise 1: 200 concurrent cold calls in one environment make 1 login and get 200 equal answers', async () => {
  const { ask, until, fegora } = await startCluster();
  const answers = await until(...Array.from({ length: 200 }, () => ask(0)));

  expect(fegora.counters()).toMatchObject({ attempts: 1, logins: 1 });
  expect(new Set(answers.map(({ grant }) => grant?.token.accessToken)).size).toBe(1);
  expect(answers.map(({ grant }) => grant?.source)).toEqual(answers.map(() => 'upstream'));
});

// Runs the soak. `SOAK_SEED` repeats a run.
import { expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { soak } from './soak.ts';

const seed = Number(process.env.SOAK_SEED ?? 20_261_124);
const minutes = full(10_000, 1000);

test(`promise 47: breaks no promise in ${minutes} virtual minutes of random faults (seed ${seed})`, {
  timeout: full(1_200_000, 120_000),
}, async () => {
  const { violations, lines, asked, served, logins, errors, faults } = await soak({ seed, minutes });

  console.log(`seed ${seed}, ${minutes} virtual minutes: ${asked} calls, ${served} served, ${logins} logins`);
  console.log('answers by code:', Object.fromEntries(errors));
  console.log('faults by kind:', Object.fromEntries(faults));
  expect(violations, [...lines.slice(-200), `SOAK_SEED=${seed}`].join('\n')).toEqual([]);
  // The run proves something only if many calls were served and many faults happened.
  expect(served).toBeGreaterThan(asked / 2);
  expect(logins).toBeGreaterThan(minutes / 30);
  expect(faults.get('freeze')).toBeGreaterThan(minutes / 10);
});

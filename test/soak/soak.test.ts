import { expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { soak } from './soak.ts';

const seed = Number(process.env.SOAK_SEED ?? 20_261_124);
const minutes = full(10_000, 1000);

test(`promise 47: ${minutes} virtual minutes of all that can go wrong (seed ${seed})`, {
  timeout: full(1_200_000, 120_000),
}, async () => {
  const { violations, lines, asked, served, logins, errors, faults } = await soak({ seed, minutes });

  console.log(`seed ${seed}, ${minutes} minutes: ${asked} calls, ${served} served, ${logins} logins`);
  console.log('answers', Object.fromEntries(errors));
  console.log('faults', Object.fromEntries(faults));
  expect(violations, [...lines.slice(-200), `SOAK_SEED=${seed}`].join('\n')).toEqual([]);
  // It would prove nothing if hardly anything were served, or hardly anything went wrong.
  expect(served).toBeGreaterThan(asked / 2);
  expect(logins).toBeGreaterThan(minutes / 30);
  expect(faults.get('freeze')).toBeGreaterThan(minutes / 10);
});

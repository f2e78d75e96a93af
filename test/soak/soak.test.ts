// Runs the soak. `SOAK_SEED` repeats a run.
import { expect, test } from 'vitest';
import { renewals } from '../../lambda/config.ts';
import { full } from '../support/counts.ts';
import { soak } from './soak.ts';

const seed = Number(process.env.SOAK_SEED ?? 20_261_124);
const minutes = full(10_000, 1000);

test.each(renewals)(
  `promise 47, promise 69: breaks no promise in ${minutes} virtual minutes of random faults (%s, seed ${seed})`,
  async (renewWith) => {
    const run = await soak({ seed, minutes, renewWith });
    const { violations, lines, asked, served, logins, refreshes, errors, faults } = run;

    const count = `${asked} calls, ${served} served, ${logins} logins, ${refreshes} of them refreshes`;
    console.log(`${renewWith}, seed ${seed}, ${minutes} virtual minutes: ${count}`);
    console.log('answers by code:', Object.fromEntries(errors));
    console.log('faults by kind:', Object.fromEntries(faults));
    expect(violations, [...lines.slice(-200), `SOAK_SEED=${seed}`].join('\n')).toEqual([]);
    // The run proves something only if many calls were served and many faults happened.
    expect(served).toBeGreaterThan(asked / 2);
    expect(logins).toBeGreaterThan(minutes / 30);
    expect(faults.get('freeze')).toBeGreaterThan(minutes / 10);
    expect(refreshes > logins / 5).toBe(renewWith === 'refresh_token');
  },
  full(2_400_000, 120_000),
);

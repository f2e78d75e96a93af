// A week of 30-minute tokens on virtual time, in both modes: what goes to Fegora, and what callers get (promise 68).
import { expect, test } from 'vitest';
import type { GrantType } from '../../../../lambda/broker/ports.ts';
import { setVersion } from '../../../support/cluster/operators.ts';
import { account, type Cluster, goodPassword, startCluster, username } from '../../../support/cluster.ts';
import { full } from '../../../support/counts.ts';

const minuteMs = 60_000;
const newPassword = 'not-a-real-password-2';
/** Under `npm test`, each day has only some of its hours. */
const hours = full(24, 4);
const days = 7;

interface Week {
  readonly renewWith: GrantType;
  /** How long after the change at Fegora the secret gets the new password. Minutes. */
  readonly secretAfter: number;
}

/** Two environments, of which one is replaced every hour, answer a call a minute, and renew ahead every four minutes. */
async function live({ renewWith, secretAfter }: Week) {
  const cluster = await startCluster({ environments: 2, lifetimeSeconds: 1800, renewWith });
  const { fegora, ask, until, pass, restart, brokers } = cluster;
  const errors: string[] = [];
  for (let minute = 0; minute < days * hours * 60; minute += 1) {
    await change(cluster, minute, secretAfter);
    const answers = await until(ask(minute % 2));
    errors.push(...answers.flatMap(({ error }) => (error === undefined ? [] : [error.code])));
    if (minute % 4 === 0) {
      await until(Promise.resolve(brokers[0]?.warm(account, () => 25_000)).catch(() => {}));
    }
    if (minute % 60 === 59) {
      restart(Math.floor(minute / 60) % 2);
    }
    await pass(minuteMs);
  }
  const { attempts, logins, refreshAttempts, refreshes, overlapsSeen, overlapsInside } = fegora.counters();
  const overlaps = overlapsSeen + overlapsInside;
  return { renewWith, secretAfter, passwords: attempts, refreshAttempts, logins: logins + refreshes, overlaps, errors };
}

/** On day 3, the password changes at Fegora, and later in the secret. On day 5, someone logs in at the web portal. */
async function change(cluster: Cluster, minute: number, secretAfter: number): Promise<void> {
  const changedAt = 2 * hours * 60 + 7;
  if (minute === changedAt) {
    cluster.fegora.setPassword(username, newPassword);
  }
  if (minute === changedAt + secretAfter) {
    await setVersion(cluster, { versionId: 'v2', password: newPassword });
  }
  if (minute === 4 * hours * 60 + 7) {
    cluster.fegora.logInElsewhere(username);
  }
}

const weeks: readonly Week[] = [
  { renewWith: 'password', secretAfter: 5 },
  { renewWith: 'refresh_token', secretAfter: 5 },
  // The password changes behind our back, and the secret follows hours later.
  { renewWith: 'refresh_token', secretAfter: hours * 60 },
];

test(
  'promise 68: a week of 30-minute tokens sends the password once, and after what ends a refresh token',
  async () => {
    const lived = [];
    for (const week of weeks) {
      lived.push(await live(week));
    }
    console.table(lived.map(({ errors, ...week }) => ({ ...week, errors: errors.length })));

    const [byPassword, ...byRefresh] = lived;
    expect(goodPassword).not.toBe(newPassword);
    const least = (days * hours * 60) / 30;
    expect(byPassword).toMatchObject({ refreshAttempts: 0, overlaps: 0, errors: [] });
    expect(byPassword?.passwords).toBeGreaterThan(least);
    for (const week of byRefresh) {
      // At the start, with the new version of the secret, and after the login at the portal.
      expect(week).toMatchObject({ passwords: 3, overlaps: 0, errors: [] });
      expect(week.refreshAttempts).toBeGreaterThan(least);
      expect(week.logins).toBeLessThanOrEqual(week.refreshAttempts + week.passwords);
    }
  },
  full(1_200_000, 120_000),
);

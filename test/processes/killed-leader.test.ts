import { afterAll, beforeAll, describe, test } from 'vitest';
import { full } from '../support/counts.ts';
import { type Point, type Stage, startStage } from './takeover.ts';

/** Within the lease, the 2 s after it and a second more, which are for polling and for logging in. */
const takeoverMs = 15_000 + 3000;

const fates: readonly { readonly point: Point; readonly extraLogins: number }[] = [
  { point: 'after the claim', extraLogins: 0 },
  { point: 'after the answer', extraLogins: 1 },
  { point: 'before publishing', extraLogins: 1 },
  { point: 'after publishing', extraLogins: 0 },
];
const cases = Array.from({ length: full(5, 1) }, (_, round) =>
  fates.map((fate, index) => ({ ...fate, account: `killed-${round + 1}-${index + 1}` })),
).flat();

let stage: Stage;
const report = ['the leader is killed   takeover   extra logins'];

beforeAll(async () => {
  stage = await startStage(cases.map(({ account }) => account));
}, 120_000);

afterAll(async () => {
  console.log(report.join('\n'));
  await stage.close();
});

describe.concurrent('promise 3: a leader killed is replaced within the lease and 3 s', () => {
  test.for(cases)('$point: $account', { timeout: 120_000 }, async ({ point, extraLogins, account }, { expect }) => {
    const { process, gate } = await stage.lead(account, point);
    process.signal('SIGKILL');
    await process.exited;
    // Fegora goes on with what it has; a publication that had not arrived dies with its process.
    if (point !== 'before publishing') {
      gate.open();
    }

    const { tookMs, replies } = await stage.takeOver(account);

    const { item, isTokenMalformed } = await stage.stored(account);
    const { attempts = 0, ...count } = stage.counted(account) ?? {};
    report.push(`${point.padEnd(20)} ${(tookMs / 1000).toFixed(1).padStart(8)} s ${String(attempts - 1).padStart(14)}`);
    expect(tookMs).toBeLessThan(takeoverMs);
    expect(attempts - 1).toBe(extraLogins);
    expect(count).toMatchObject({ overlapsSeen: 0, overlapsInside: 0, bricked: false });
    expect({ isTokenMalformed, ...item }).toMatchObject({ isTokenMalformed: false, leaseUntil: 0 });
    expect(item).not.toHaveProperty('fault');
    expect(new Set(replies.map(({ fingerprint }) => fingerprint))).toEqual(new Set([item.token?.fingerprint]));
  });
});

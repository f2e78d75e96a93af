import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { type Point, type Stage, startStage } from './takeover.ts';

const timeout = 120_000;
const rounds = Array.from({ length: full(5, 1) }, (_, round) => round + 1);
const points: readonly Point[] = ['after the claim', 'after the answer', 'before publishing', 'after publishing'];

let stage: Stage;

beforeAll(async () => {
  stage = await startStage(rounds.flatMap((round) => points.map((point) => accountOf(round, point))));
}, 120_000);

afterAll(() => stage.close());

function accountOf(round: number, point: Point): string {
  return `stopped-${round}-${points.indexOf(point) + 1}`;
}

/** Stops a leader at a point until both followers have a token, then lets it go on and asks it once more. */
async function outlive(round: number, point: Point) {
  const account = accountOf(round, point);
  const { process, gate, answer } = await stage.lead(account, point);
  process.signal('SIGSTOP');
  // What it waits for comes while it cannot look; only a publication that is under way stays there.
  if (point !== 'before publishing') {
    gate.open();
  }
  const { replies } = await stage.takeOver(account);
  gate.open();
  await setTimeout(500);
  process.signal('SIGCONT');
  const late = await answer;
  const again = await process.ask(account);

  const { item } = await stage.stored(account);
  const newer = item.token?.fingerprint;
  expect(new Set(replies.map(({ fingerprint }) => fingerprint))).toEqual(new Set([newer]));
  expect(stage.counted(account)).toMatchObject({ overlapsSeen: 0, overlapsInside: 0, bricked: false });
  return { logins: stage.counted(account)?.attempts, newer, late, again, process };
}

describe.concurrent('promise 4: a leader stopped past its lease, when it goes on,', () => {
  test.for(rounds)('after the claim: sends nothing (round %i)', { timeout }, async (round) => {
    const { logins, newer, late, again, process } = await outlive(round, 'after the claim');

    expect(logins).toBe(1);
    expect(process.logged('guard_expired')).toBe(1);
    // It may have no time left to look for the one login there was.
    expect([newer, undefined]).toContain(late.fingerprint);
    expect(again).toMatchObject({ fingerprint: newer });
  });

  test.for(rounds)('after the answer: is refused its write (round %i)', { timeout }, async (round) => {
    const { logins, newer, late, again, process } = await outlive(round, 'after the answer');

    expect(logins).toBe(2);
    expect(process.logged('publish_refused')).toBe(1);
    expect(late).toMatchObject({ source: 'upstream' });
    expect(late.fingerprint).not.toBe(newer);
    expect(again).toMatchObject({ fingerprint: newer, source: 'shared' });
  });

  test.for(rounds)('before publishing: is refused its write (round %i)', { timeout }, async (round) => {
    const { logins, newer, late } = await outlive(round, 'before publishing');

    expect(logins).toBe(2);
    // Whether it learns of that or has no time left to: its own caller gets the token it has.
    expect(late).toMatchObject({ source: 'upstream' });
    expect(late.fingerprint).not.toBe(newer);
  });

  test.for(rounds)('after publishing: finds its own token (round %i)', { timeout }, async (round) => {
    const { logins, newer, late } = await outlive(round, 'after publishing');

    expect(logins).toBe(1);
    expect(late).toMatchObject({ fingerprint: newer });
  });
});

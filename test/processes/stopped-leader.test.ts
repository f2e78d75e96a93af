// Tests with real processes that a leader stopped past its lease does no harm when it continues.
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { full } from '../support/counts.ts';
import { type Point, startTakeover, type Takeover } from './takeover.ts';

const timeout = 120_000;
const rounds = Array.from({ length: full(5, 1) }, (_, round) => round + 1);
const points: readonly Point[] = ['after the claim', 'after the answer', 'before publishing', 'after publishing'];

/** Points at which a leader is stopped that renews a token with its refresh token. */
const renewalPoints = points.filter((_, index) => index < full(points.length, 0));

let takeover: Takeover;
let renewing: Takeover;

beforeAll(async () => {
  takeover = await startTakeover(rounds.flatMap((round) => points.map((point) => accountOf(round, point))));
  const accounts = renewalPoints.map((point) => accountOf(1, point));
  renewing = accounts.length > 0 ? await startTakeover(accounts, 'refresh_token') : takeover;
}, 120_000);

afterAll(async () => {
  await Promise.all([...new Set([takeover, renewing])].map(({ close }) => close()));
});

function accountOf(round: number, point: Point): string {
  return `stopped-${round}-${points.indexOf(point) + 1}`;
}

/** Stops a leader at a point until both followers have a token. Then it continues and is asked once more. */
async function stopPastLease(round: number, point: Point, { startLeader, askFollowers, stored, counted } = takeover) {
  const account = accountOf(round, point);
  const { process, breakpoint, answer } = await startLeader(account, point);
  process.signal('SIGSTOP');
  // What the leader waits for arrives during the stop. Only its publication stays at the breakpoint.
  if (point !== 'before publishing') {
    breakpoint.release();
  }
  const { replies } = await askFollowers(account);
  breakpoint.release();
  await setTimeout(500);
  process.signal('SIGCONT');
  const late = await answer;
  const again = await process.ask(account);

  const { item } = await stored(account);
  const newer = item.token?.fingerprint;
  expect(new Set(replies.map(({ fingerprint }) => fingerprint))).toEqual(new Set([newer]));
  const counts = counted(account);
  expect(counts).toMatchObject({ overlapsSeen: 0, overlapsInside: 0, bricked: false });
  return { logins: counts?.attempts, counts, newer, late, again, process };
}

describe.concurrent('promise 4: a leader that was stopped past its lease', () => {
  test.for(rounds)('sends nothing when it was stopped after the claim (round %i)', { timeout }, async (round) => {
    const { logins, newer, late, again } = await stopPastLease(round, 'after the claim');

    expect(logins).toBe(1);
    // It may have no time left to find the token of the other login.
    expect([newer, undefined]).toContain(late.fingerprint);
    expect(again).toMatchObject({ fingerprint: newer });
  });

  test.for(rounds)(
    'cannot publish its token when it was stopped after the answer (round %i)',
    { timeout },
    async (round) => {
      const { logins, newer, late, again, process } = await stopPastLease(round, 'after the answer');

      expect(logins).toBe(2);
      expect(process.logged('publish_refused')).toBe(1);
      expect(late).toMatchObject({ source: 'upstream' });
      expect(late.fingerprint).not.toBe(newer);
      expect(again).toMatchObject({ fingerprint: newer, source: 'shared' });
    },
  );

  test.for(rounds)(
    'cannot publish its token when it was stopped before publishing (round %i)',
    { timeout },
    async (round) => {
      const { logins, newer, late } = await stopPastLease(round, 'before publishing');

      expect(logins).toBe(2);
      // Its own caller gets its token, also if it had no time left to see the refused write.
      expect(late).toMatchObject({ source: 'upstream' });
      expect(late.fingerprint).not.toBe(newer);
    },
  );

  test.for(rounds)(
    'serves its own token when it was stopped after publishing (round %i)',
    { timeout },
    async (round) => {
      const { logins, newer, late } = await stopPastLease(round, 'after publishing');

      expect(logins).toBe(1);
      expect(late).toMatchObject({ fingerprint: newer });
    },
  );

  test.for(renewalPoints)(
    'promise 69: sends its refresh token at most once, and publishes no token, when it was stopped %s',
    { timeout },
    async (point) => {
      const { counts, newer, late, again } = await stopPastLease(1, point, renewing);

      const refreshes = point === 'after the claim' ? 0 : 1;
      const passwords = point === 'after publishing' ? 0 : 1;
      const { attempts, refreshAttempts, refreshRefusals } = counts ?? {};
      console.log(
        `stopped ${point}: ${attempts} password, ${refreshAttempts} refreshes; its caller: ${late.source ?? late.error}`,
      );
      expect([attempts, refreshAttempts, refreshRefusals]).toEqual([passwords, refreshes, 0]);
      // It may not see that its late write was refused, and keeps the token that it then has.
      expect(point === 'before publishing' ? [newer, late.fingerprint] : [newer]).toContain(again.fingerprint);
    },
  );
});

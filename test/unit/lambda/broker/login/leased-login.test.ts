// Tests one claim, its login, and what is written of the result (lambda/broker/login/leased-login.ts).
import { describe, expect, test } from 'vitest';
import { createLocalState } from '../../../../../lambda/broker/local-state.ts';
import type { LoginOrder } from '../../../../../lambda/broker/login/lease-records.ts';
import { createLeasedLogin } from '../../../../../lambda/broker/login/leased-login.ts';
import type { FailedLogin, LoginOutcome } from '../../../../../lambda/broker/login/login-outcome.ts';
import type { LoginConnection } from '../../../../../lambda/broker/ports.ts';
import { fingerprint } from '../../../../../lambda/broker/token.ts';
import { BrokerError } from '../../../../../lambda/errors.ts';
import {
  answeredTable,
  answeringConnection,
  portsWith,
  type TableAnswer,
} from '../../../../support/core/account-ports.ts';
import { failedLogin, itemWith, noon, orderWith, otherKey, ownKey } from '../../../../support/core/login-order.ts';
import { createVirtualClock } from '../../../../support/virtual-clock.ts';

const issued: LoginOutcome = { kind: 'issued', accessToken: 'new-token', lifetimeMs: 3_600_000 };
const unavailable = failedLogin('upstream_unavailable');
const refused = failedLogin('credentials_rejected', { answer: 'invalid_grant' });
const doubt = failedLogin('upstream_rejected', { answer: 'doubt' });
const unanswered = failedLogin('upstream_timeout', { reached: 'unknown' });
const own = (at: number) => ({ at, tag: 'aaaaaaaa' });

interface Scene {
  readonly outcome?: LoginOutcome;
  /** From the first byte to the answer. Milliseconds. */
  readonly answerMs?: number;
  /** How long the claim takes. Milliseconds. */
  readonly claimMs?: number;
  /** Of the claim, then of the writes. */
  readonly answers?: readonly TableAnswer[];
  readonly connected?: LoginConnection;
}

/** Logs in once at noon. The claim takes 300 ms and Fegora 500 ms, if nothing else is said. */
function scene({ outcome = issued, answerMs = 500, claimMs = 300, answers = [], connected }: Scene = {}) {
  const clock = createVirtualClock(noon);
  const { table, claims, writes, written } = answeredTable(clock, answers);
  const slowTable = {
    ...table,
    claim: async (...asked: Parameters<typeof table.claim>) => {
      await clock.sleep(claimMs);
      return await table.claim(...asked);
    },
  };
  const { ports, observed } = portsWith({ clock, table: slowTable });
  const state = { ...createLocalState(), secretAskedAt: 5 };
  const { connection, used } = answeringConnection(clock, outcome, answerMs);
  const logIn = (parts: Partial<LoginOrder> = {}) =>
    clock.until(createLeasedLogin(ports, state)(orderWith(parts), connected ?? connection));
  return { clock, claims, writes, written, observed, state, used, logIn };
}

describe('a claim', () => {
  test('is made on the item as it was read, before anything is sent, and its lease counts from before it', async () => {
    const { claims, logIn, used } = scene();
    const item = itemWith({ revision: 3 });
    await logIn({ item });

    expect(claims).toHaveLength(1);
    expect(claims[0]).toMatchObject({ item, claim: { now: noon, leaseUntil: noon + 15_000, sends: [own(noon)] } });
    expect(claims[0]?.signal).toBe(used.signals[0]);
  });

  test('promise 63: sends and writes nothing when the table was throttled, and says so', async () => {
    const { written, used, logIn } = scene({ answers: ['throttled'] });

    expect(await logIn()).toEqual({ kind: 'lost', isCrowded: true });
    expect(used.signals).toEqual([]);
    expect(written()).toEqual([]);
  });

  test('sends and writes nothing when another environment was faster', async () => {
    const { written, observed, used, logIn } = scene({ answers: ['refused'] });

    expect(await logIn()).toEqual({ kind: 'lost', isCrowded: false });
    expect(used.signals).toEqual([]);
    expect(written()).toEqual([]);
    expect(observed).toEqual([]);
  });

  test('sends nothing and rejects with the error of the table when the table is down', async () => {
    const { used, logIn } = scene({ answers: ['down'] });

    await expect(logIn()).rejects.toMatchObject({ code: 'table_unavailable' });
    expect(used.signals).toEqual([]);
  });

  test('leaves no timer behind when the login has ended', async () => {
    const { clock, used, logIn } = scene();
    await logIn();
    await clock.advance(30_000);

    expect(used.signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  test('is taken back when more than 2 s went by before the first byte', async () => {
    const { claims, written, observed, logIn } = scene({ claimMs: 2001 });
    const logs = { sends: [own(noon - 9)], logins: [own(noon - 9)] };

    expect(await logIn({ item: itemWith(logs) })).toEqual({ kind: 'withheld' });
    expect(written()).toStrictEqual([{ kind: 'fail', owner: claims[0]?.claim.owner, endLease: true, ...logs }]);
    expect(observed).toEqual([{ kind: 'guard_expired' }]);
  });
});

describe('a login that brings a token', () => {
  const token = {
    ...{ accessToken: 'new-token', fingerprint: fingerprint('new-token') },
    ...{ issuedAt: noon + 300, lifetimeMs: 3_600_000, versionId: 'v1' },
  };

  test('publishes the token with its life from the first byte, and returns it, when the table takes it', async () => {
    const { claims, written, observed, logIn } = scene();
    const sends = [own(noon - 9), { at: noon - 9, tag: 'bbbbbbbb' }];

    expect(await logIn({ item: itemWith({ generation: 4, sends }) })).toStrictEqual({
      kind: 'issued',
      result: {
        ...{ token, generation: 4, seen: { wall: noon + 300, monotonic: 300 } },
        ...{ source: 'upstream', isShared: true },
      },
    });
    expect(written()).toStrictEqual([
      {
        ...{ kind: 'publish', owner: claims[0]?.claim.owner, token, key: ownKey, at: noon + 800 },
        ...{ sends: [{ at: noon - 9, tag: 'bbbbbbbb' }], isSlow: false, loginMs: 500, isOtherUser: false },
      },
    ]);
    expect(observed).toEqual([{ kind: 'login', outcome: 'issued', ms: 500 }]);
  });

  test('says that the token is not shared when the table refuses it', async () => {
    const { observed, logIn } = scene({ answers: ['done', 'refused'] });

    expect(await logIn()).toMatchObject({ kind: 'issued', result: { token, isShared: false } });
    expect(observed).toEqual([{ kind: 'login', outcome: 'issued', ms: 500 }, { kind: 'publish_refused' }]);
  });

  test('returns the token as shared when it is unknown whether the table took it', async () => {
    const { observed, logIn } = scene({ answers: ['done', 'hangs'] });

    expect(await logIn()).toMatchObject({ kind: 'issued', result: { token, isShared: true } });
    expect(observed).toEqual([{ kind: 'login', outcome: 'issued', ms: 500 }, { kind: 'table_unavailable' }]);
  });

  test.each([
    [8000, false],
    [8001, true],
  ])('says whether Fegora is slow when its answer came after %i ms: %s', async (answerMs, isSlow) => {
    const { written, logIn } = scene({ answerMs });
    await logIn({ patientMs: 21_000 });

    expect(written().at(-1)).toMatchObject({ kind: 'publish', isSlow });
  });

  test.each([0, -4500])('observes the skew of %i ms when the answer tells it', async (skewMs) => {
    const { observed, logIn } = scene({ outcome: { ...issued, skewMs } });
    await logIn();

    expect(observed).toEqual([
      { kind: 'login', outcome: 'issued', ms: 500 },
      { kind: 'clock_skew', ms: skewMs },
    ]);
  });
});

describe('the user of a new token', () => {
  async function publishedFor(item: Parameters<typeof itemWith>[0], newUser?: string) {
    const { written, logIn } = scene();
    const end = await logIn({ item: itemWith({ generation: 4, ...item }), ...(newUser !== undefined && { newUser }) });
    const [change] = written();
    return {
      tokenUser: change?.kind === 'publish' ? change.tokenUser : undefined,
      isOtherUser: change?.kind === 'publish' ? change.isOtherUser : undefined,
      generation: end.kind === 'issued' ? end.result.generation : undefined,
    };
  }
  const same = { isOtherUser: false, generation: 4 };
  const other = { isOtherUser: true, generation: 5 };

  test('is that of the account, and the generation stays, when the token before was of the same user', async () => {
    expect(await publishedFor({ userKey: 'user-1' })).toEqual({ tokenUser: 'user-1', ...same });
    expect(await publishedFor({ userKey: 'user-1', tokenUser: 'user-1' })).toEqual({ tokenUser: 'user-1', ...same });
    expect(await publishedFor({}, 'user-1')).toEqual({ tokenUser: 'user-1', ...same });
    expect(await publishedFor({ tokenUser: 'user-2', userKey: 'user-1' }, 'user-2')).toEqual({
      tokenUser: 'user-2',
      ...same,
    });
  });

  test('is the new one, and the generation grows by one, when the token before was of another user', async () => {
    expect(await publishedFor({ userKey: 'user-1' }, 'user-2')).toEqual({ tokenUser: 'user-2', ...other });
    expect(await publishedFor({ userKey: 'user-2', tokenUser: 'user-1' })).toEqual({ tokenUser: 'user-2', ...other });
  });
});

describe('a login that fails', () => {
  test('writes the failure, and its error counts the wait from after the write, when Fegora is down', async () => {
    const { claims, written, observed, logIn } = scene({ outcome: unavailable, answers: ['done', 'down'] });
    const end = await logIn();

    expect(written()).toHaveLength(2);
    expect(written().at(-1)).toMatchObject({
      ...{ kind: 'fail', owner: claims[0]?.claim.owner, isSlow: false },
      ...{ error: { code: 'upstream_unavailable', at: noon + 800 }, backoff: { retryAt: noon + 800 + 5625 } },
    });
    expect(end).toEqual({ kind: 'failed', error: expect.any(BrokerError) });
    expect(end).toMatchObject({ error: { code: 'upstream_unavailable', retryAfterMs: 5625 - 150 } });
    expect(observed).toEqual([
      { kind: 'login', outcome: 'upstream_unavailable', ms: 500 },
      { kind: 'failed', code: 'upstream_unavailable' },
    ]);
  });

  test('writes the rejection, then the end of the lease, when Fegora refuses the password', async () => {
    const { claims, written, observed, state, logIn } = scene({ outcome: refused });

    expect(await logIn({ item: itemWith({ lastGood: otherKey }) })).toEqual({ kind: 'rejected' });
    expect(written()).toMatchObject([
      { kind: 'reject', key: ownKey, retryRejectedAt: noon + 800 + 3_600_000 },
      {
        ...{ kind: 'fail', owner: claims[0]?.claim.owner, endLease: true, sends: [own(noon)] },
        ...{ error: { code: 'credentials_rejected', at: noon + 800 }, isSlow: false },
      },
    ]);
    expect(written().at(-1)).not.toHaveProperty('backoff');
    expect(observed).toEqual([
      { kind: 'login', outcome: 'invalid_grant', ms: 500 },
      { kind: 'failed', code: 'credentials_rejected' },
    ]);
    expect(state.secretAskedAt).toBe(Number.NEGATIVE_INFINITY);
  });

  test('writes the rejection and the back-off when this is the third answer that puts the password in doubt', async () => {
    const { written, logIn } = scene({ outcome: doubt });
    const sends = [own(noon - 20), own(noon - 10)];

    expect(await logIn({ item: itemWith({ sends }) })).toMatchObject({
      kind: 'failed',
      error: { code: 'upstream_rejected', retryAfterMs: 60_000 },
    });
    expect(written()).toMatchObject([
      { kind: 'reject', key: ownKey },
      { kind: 'fail', backoff: { answer: 'doubt', retryAt: noon + 800 + 60_000 }, sends: [...sends, own(noon)] },
    ]);
  });

  test('counts the logins that got no answer as sends too when this answer puts the password in doubt', async () => {
    const { written, logIn } = scene({ outcome: doubt });
    await logIn({ item: itemWith({ failures: { unknown: 2 } }) });

    expect(written()).toMatchObject([
      { kind: 'reject', key: ownKey },
      { kind: 'fail', sends: [own(noon), own(noon), own(noon)] },
    ]);
  });

  test('is observed as html_500_repeated when this is the third HTML 500 in a row of an account that had worked', async () => {
    const outcome: FailedLogin = { ...unavailable, answer: 'html_500' };
    const { observed, logIn } = scene({ outcome });
    await logIn({ item: itemWith({ failures: { unavailable: 2 }, failedAnswer: 'html_500', lastGood: otherKey }) });

    expect(observed.slice(2)).toEqual([{ kind: 'html_500_repeated' }]);
  });

  test('is not observed as html_500_repeated when the account never worked', async () => {
    const outcome: FailedLogin = { ...unavailable, answer: 'html_500' };
    const { observed, logIn } = scene({ outcome });
    await logIn({ item: itemWith({ failures: { unavailable: 2 }, failedAnswer: 'html_500' }) });

    expect(observed.slice(2)).toEqual([]);
  });

  test('is measured from the claim on when the connection died before the first byte', async () => {
    const send = async () => failedLogin('upstream_unavailable', { reached: 'no' });
    const { observed, logIn } = scene({ connected: { kind: 'connected', send, close: () => {} } });
    await logIn();

    expect(observed[0]).toEqual({ kind: 'login', outcome: 'upstream_unavailable', ms: 300 });
  });

  test('is called slow when the failure came after more than 8 s', async () => {
    const outcomes = [refused, unavailable].map(async (outcome) => {
      const { written, logIn } = scene({ outcome, answerMs: 8001 });
      await logIn({ patientMs: 21_000 });
      return written().at(-1);
    });

    expect(await Promise.all(outcomes)).toMatchObject([{ isSlow: true }, { isSlow: true }]);
  });
});

describe('a login that gets no answer', () => {
  test('is given up at its deadline, and the next one waits for the lease and 2 s, when it is not patient', async () => {
    const { clock, writes, logIn } = scene({ outcome: unanswered, answerMs: 60_000 });

    expect(await logIn({ deadlineMs: 7500 })).toMatchObject({
      kind: 'failed',
      error: { code: 'upstream_timeout', retryAfterMs: 17_000 - 7500 },
    });
    expect(clock.monotonic()).toBe(7500);
    expect(writes).toMatchObject([{ atMs: 7500, change: { endLease: false, backoff: { retryAt: noon + 17_000 } } }]);
  });

  test('is given up 2 s after its first byte when it is to be cut', async () => {
    const { clock, logIn } = scene({ outcome: unanswered, answerMs: 60_000 });
    await logIn({ cutAfterSendMs: 2000 });

    expect(clock.monotonic()).toBe(2300);
  });

  test('makes the next one wait for the longer lease and 2 s when it is patient', async () => {
    const { clock, written, logIn } = scene({ outcome: unanswered, answerMs: 60_000 });
    await logIn({ patientMs: 21_000 });

    expect(clock.monotonic()).toBe(21_000);
    expect(written().map(({ kind }) => kind)).toEqual([...Array.from({ length: 5 }, () => 'extend'), 'fail']);
    expect(written().at(-1)).toMatchObject({ isSlow: false, backoff: { retryAt: noon + 28_000 + 2000 } });
  });
});

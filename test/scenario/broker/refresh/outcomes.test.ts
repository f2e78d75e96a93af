// What comes of a refresh (promise 69): the answers that it can get, and what goes to Fegora after them, in which order.
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../../local/fegora/faults.ts';
import {
  askAfterExpiry,
  sent,
  startRefreshing,
  storedRefreshToken,
  untilMarginMs,
  untilWindowMs,
} from '../../../support/cluster/grants.ts';
import { account, username } from '../../../support/cluster.ts';

const json = { 'Content-Type': 'application/json' };
const errorOf = (error: string) => ({ status: 400, headers: json, body: JSON.stringify({ error }) });

describe('a refresh', () => {
  test('promise 68: renews the token without the password, in the renewal window and after the expiry', async () => {
    const cluster = await startRefreshing({ environments: 3 });
    for (let turn = 0; turn < 4; turn += 1) {
      await cluster.pass(turn % 2 === 0 ? untilWindowMs : untilMarginMs);
      const answers = await cluster.askAll();
      expect(answers.map(({ error }) => error?.code)).toEqual([undefined, undefined, undefined]);
    }

    expect(sent(cluster)).toEqual(['password issued', ...Array(4).fill('refresh refreshed')]);
    expect(cluster.fegora.counters()).toMatchObject({ overlapsSeen: 0, overlapsInside: 0 });
  });

  test('says with which grant each login was made', async () => {
    const cluster = await startRefreshing();
    await askAfterExpiry(cluster);

    const logins = cluster.noticed.filter(({ kind }) => kind === 'login');
    expect(logins).toMatchObject([{ grant: 'password' }, { grant: 'refresh_token', outcome: 'issued' }]);
  });

  test('is made once by 20 environments that find no token', async () => {
    const cluster = await startRefreshing({ environments: 20 });
    cluster.fegora.set({ delayMs: 700 });
    await cluster.pass(untilMarginMs);
    for (const environment of cluster.brokers.keys()) {
      cluster.restart(environment);
    }
    const answers = await cluster.askAll();

    expect(new Set(answers.map(({ grant }) => grant?.token.fingerprint)).size).toBe(1);
    expect(sent(cluster)).toEqual(['password issued', 'refresh refreshed']);
  });
});

/** Answers that say only that the refresh token is of no use. */
const refusals: readonly (readonly [string, (cluster: Awaited<ReturnType<typeof startRefreshing>>) => void])[] = [
  ['another client of the user has logged in', ({ fegora }) => fegora.logInElsewhere(username)],
  ['the key of the server has changed', ({ fegora }) => fegora.changeKey()],
  ['a proxy sends it twice', ({ fegora }) => fegora.addFault({ kind: 'replay', grant: 'refresh_token' })],
  ...['invalid_grant', 'unsupported_grant_type', 'unauthorized_client', 'invalid_request', 'invalid_clientId'].map(
    (error) =>
      [
        `Fegora answers ${error}`,
        ({ fegora }: Awaited<ReturnType<typeof startRefreshing>>) =>
          fegora.addFault({ kind: 'answer', grant: 'refresh_token', ...errorOf(error) }),
      ] as const,
  ),
];

describe('promise 69: a refused refresh', () => {
  test.for(refusals)('is followed by the password in the same call when %s', async ([, begin]) => {
    const cluster = await startRefreshing();
    begin(cluster);
    const answer = await askAfterExpiry(cluster);

    expect(answer.error).toBeUndefined();
    expect(answer.grant?.warning).toBeUndefined();
    expect(sent(cluster)).toMatchObject(['password issued', expect.stringMatching(/^refresh/), 'password issued']);
    const row = cluster.table.rows.get(account);
    expect([row?.marks, row?.retry_at, row?.last_error_code, row?.sends?.S]).toEqual([
      undefined,
      undefined,
      undefined,
      '',
    ]);
    expect(cluster.observed('failed')).toBe(0);
    expect(cluster.fegora.counters()).toMatchObject({ overlapsSeen: 0, overlapsInside: 0 });
  });

  test('is followed by the password in the background when callers have a token', async () => {
    const cluster = await startRefreshing();
    cluster.fegora.logInElsewhere(username);
    await cluster.pass(untilWindowMs);
    const [answer] = await cluster.until(cluster.ask(0));

    expect(answer?.grant).toMatchObject({ source: 'upstream' });
    expect(sent(cluster)).toEqual(['password issued', 'refresh refused', 'password issued']);
  });

  test('is followed by the refusal of the password when that is wrong too, and sends it once', async () => {
    const cluster = await startRefreshing();
    cluster.fegora.setPassword(username, 'not-a-real-password-2');
    cluster.fegora.logInElsewhere(username);
    const answer = await askAfterExpiry(cluster);
    const [again] = await cluster.until(cluster.ask(0));

    expect([answer.error?.code, again?.error?.code]).toEqual(['credentials_rejected', 'credentials_rejected']);
    expect(sent(cluster)).toEqual(['password issued', 'refresh refused', 'password refused']);
  });

  test('is followed by the password after the time that Fegora asks for', async () => {
    const cluster = await startRefreshing();
    const asked = { ...errorOf('invalid_grant'), headers: { ...json, 'Retry-After': '7' } };
    cluster.fegora.addFault({ kind: 'answer', grant: 'refresh_token', ...asked });
    const answer = await askAfterExpiry(cluster);

    expect(answer.error).toMatchObject({ code: 'upstream_throttled', retryAfterMs: expect.any(Number) });
    await cluster.pass(7100);
    const [again] = await cluster.until(cluster.ask(0));
    expect(again?.error).toBeUndefined();
    expect(sent(cluster)).toEqual(['password issued', 'refresh faulted', 'password issued']);
  });
});

interface Cut {
  readonly fault: Fault;
  readonly code: string;
  /** What goes out next, at the earliest after this time. */
  readonly afterMs: number;
}

const html = { status: 500 };
const cuts: readonly (readonly [string, Cut])[] = [
  ['hangs', { fault: { kind: 'hang' }, code: 'upstream_timeout', afterMs: 28_000 }],
  ['is reset', { fault: { kind: 'reset' }, code: 'upstream_unavailable', afterMs: 17_000 }],
  ['is cut', { fault: { kind: 'truncate', afterLogin: true }, code: 'upstream_unavailable', afterMs: 17_000 }],
  ['loses its successor', { fault: { kind: 'lost-successor' }, code: 'upstream_unavailable', afterMs: 17_000 }],
  ['is answered 500 in HTML', { fault: { kind: 'answer', ...html }, code: 'upstream_unavailable', afterMs: 5000 }],
  ['is answered 503', { fault: { kind: 'answer', status: 503 }, code: 'upstream_unavailable', afterMs: 5000 }],
  ['is answered 502', { fault: { kind: 'answer', status: 502 }, code: 'upstream_unavailable', afterMs: 17_000 }],
  ['is answered 429', { fault: { kind: 'answer', status: 429 }, code: 'upstream_throttled', afterMs: 30_000 }],
  ['is answered 401', { fault: { kind: 'answer', status: 401 }, code: 'upstream_rejected', afterMs: 60_000 }],
];

describe('promise 69: a refresh without a clear answer', () => {
  test.for(cuts)(
    'that %s ends in an honest error, and the password follows later',
    async ([, { fault, code, afterMs }]) => {
      const cluster = await startRefreshing();
      cluster.fegora.addFault({ ...fault, grant: 'refresh_token' });
      const answer = await askAfterExpiry(cluster);
      expect(answer.error?.code).toBe(code);
      expect(storedRefreshToken(cluster)).toBeUndefined();
      expect(cluster.table.rows.get(account)?.sends?.S).toBe('');
      while (sent(cluster).length < 3) {
        const [next] = await cluster.until(cluster.ask(0));
        await cluster.pass(next?.error?.retryAfterMs ?? 1000);
      }
      expect(sent(cluster)[2]).toBe('password issued');
      const [, refreshed, next] = cluster.fegora.grants().map(({ at }) => at);
      expect((next ?? 0) - (refreshed ?? 0)).toBeGreaterThanOrEqual(afterMs);
      expect(cluster.fegora.counters()).toMatchObject({ overlapsSeen: 0, overlapsInside: 0 });
      expect(cluster.table.rows.get(account)?.marks).toBeUndefined();
    },
  );

  test('is not counted when the password is refused after it', async () => {
    const cluster = await startRefreshing();
    cluster.fegora.addFault({ kind: 'reset', grant: 'refresh_token' });
    cluster.fegora.setPassword(username, 'not-a-real-password-2');
    await askAfterExpiry(cluster);
    await cluster.pass(20_000);
    const [answer] = await cluster.until(cluster.ask(0));

    expect(answer?.error?.code).toBe('credentials_rejected');
    expect((cluster.table.rows.get(account)?.sends?.S ?? '').split(' ')).toHaveLength(1);
  });

  test('promise 41: hands out no token of another user', async () => {
    const cluster = await startRefreshing();
    const body = {
      access_token: 'not-a-real-token-of-other',
      token_type: 'bearer',
      expires_in: 1799,
      userName: 'other',
    };
    const fault = { kind: 'answer', status: 200, headers: json, body: JSON.stringify(body) } as const;
    cluster.fegora.addFault({ ...fault, grant: 'refresh_token' });
    const answer = await askAfterExpiry(cluster);

    expect(answer.error?.code).toBe('upstream_invalid_response');
  });
});

describe('a refresh that is not sent', () => {
  test('keeps the refresh token when the guard has expired', async () => {
    const cluster = await startRefreshing();
    let isSlow = true;
    cluster.table.trouble = (_, __, update) => {
      if (isSlow && update.includes('#owner = :owner')) {
        isSlow = false;
        cluster.shiftMs[0] = 2500;
      }
      return undefined;
    };
    await cluster.pass(untilMarginMs);
    cluster.restart(0);
    const [answer] = await cluster.until(cluster.ask(0));

    expect(cluster.observed('guard_expired')).toBe(1);
    expect(answer?.error).toBeUndefined();
    expect(sent(cluster)).toEqual(['password issued', 'refresh refreshed']);
  });

  test('keeps the refresh token when no connection can be made', async () => {
    const cluster = await startRefreshing();
    const before = storedRefreshToken(cluster);
    cluster.route.isUnreachable = true;
    const answer = await askAfterExpiry(cluster);
    cluster.route.isUnreachable = false;
    await cluster.pass(7000);
    const [again] = await cluster.until(cluster.ask(0));

    expect(answer.error?.code).toBe('upstream_unavailable');
    expect([before !== undefined, again?.error]).toEqual([true, undefined]);
    expect(sent(cluster)).toEqual(['password issued', 'refresh refreshed']);
  });
});

describe('promise 69: a holder that dies with the refresh token', () => {
  test('is followed by the password of another environment, after its lease', async () => {
    const cluster = await startRefreshing({ environments: 2 });
    cluster.fegora.set({ delayMs: 3000 });
    // The holder can write nothing after its claim: as if it had died.
    let isDead = false;
    cluster.table.trouble = (_, environment, update) => {
      const trouble = environment === 0 && isDead ? 'hanging' : undefined;
      isDead ||= environment === 0 && update.includes('#owner = :owner');
      return trouble;
    };
    await cluster.pass(untilMarginMs);
    cluster.restart(0);
    cluster.restart(1);
    const first = cluster.ask(0);
    await cluster.pass(1000);
    expect(storedRefreshToken(cluster)).toBeUndefined();
    const [, second] = await cluster.until(first, cluster.ask(1));
    await cluster.pass(17_000);
    const [third] = await cluster.until(cluster.ask(1));

    expect(second?.error?.code).toBe('renewal_in_progress');
    expect(third?.error).toBeUndefined();
    expect(sent(cluster)).toEqual(['password issued', 'refresh refreshed', 'password issued']);
    expect(cluster.fegora.counters()).toMatchObject({ overlapsSeen: 0, overlapsInside: 0 });
  });
});

// Tests the protocol's pure function against the table in docs/architecture.md (lambda/broker/decide.ts).

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import { type Decision, decide } from '../../../../lambda/broker/decide.ts';
import { type Item, servableToken } from '../../../../lambda/broker/item.ts';
import type { RefreshGoal } from '../../../../lambda/broker/refresh.ts';
import { fingerprint, type Token } from '../../../../lambda/broker/token.ts';
import { defaultLoginBudget } from '../../../../lambda/config.ts';

const now = Date.UTC(2026, 10, 24, 12);
const minuteMs = 60_000;
const accessToken = 'not-a-real-token';
const reported = fingerprint(accessToken);

/** Lives for 30 minutes: its renewal window is the last 10, its margin the last one. */
function tokenWith(leftMs: number): Token {
  const lifetimeMs = 30 * minuteMs;
  return { accessToken, fingerprint: reported, issuedAt: now + leftMs - lifetimeMs, lifetimeMs, versionId: 'v1' };
}

/** A minute ago. */
function logged(tags: readonly string[]) {
  return tags.map((tag) => ({ at: now - minuteMs, tag }));
}

const fresh = { token: tokenWith(20 * minuteMs) };
const inWindow = { token: tokenWith(5 * minuteMs) };
const renewable = { refresh: 'held', refreshToken: { text: 'not-a-real-refresh', versionId: 'v1' } } as const;
const failed = { retryCode: 'upstream_timeout', lastError: { code: 'upstream_timeout', at: now } } as const;

/** The rows of the table: what the item holds. */
const items: Readonly<Record<string, Partial<Item>>> = {
  'a fresh token': fresh,
  'a token in its renewal window': inWindow,
  'no token': {},
  'no token, and the last login failed': failed,
  'a fresh token, and a lease': { ...fresh, leaseUntil: now + 9000 },
  'a token in its renewal window, and a lease': { ...inWindow, leaseUntil: now + 9000 },
  'no token, and a lease': { leaseUntil: now + 9000 },
  'no token, and a lease whose login probes a failure': { ...failed, leaseUntil: now + 9000 },
  'no token, and a lease that ended 2 s ago': { leaseUntil: now - 2000 },
  'no token, and a lease that ended over 2 s ago': { leaseUntil: now - 2001 },
  'a token in its renewal window, and a login a moment ago': { ...inWindow, lastLogin: now - 1000 },
  'no token, and a login a moment ago': { lastLogin: now - 1000 },
  'a token in its renewal window, and a renewal that failed within a minute': {
    ...inWindow,
    ...failed,
    renewAt: now + 1,
  },
  'a token in its renewal window, and a back-off': { ...inWindow, ...failed, retryAt: now + 1 },
  'no token, and a back-off': { ...failed, retryAt: now + 1 },
  'no token, and a back-off that has ended': { ...failed, retryAt: now },
  'no token, and a pause': { paused: true },
  'a token in its renewal window, and forced renewals of this caller used up': {
    ...inWindow,
    logins: logged(['aaaaaaaa', 'aaaaaaaa', 'aaaaaaaa']),
  },
  'a token in its renewal window, and a login budget used up': { ...inWindow, logins: logged(Array(12).fill('')) },
  'no token, and a login budget used up': { logins: logged(Array(12).fill('')) },
  'no token, and three refusals within an hour': { sends: logged(['aaaaaaaa', 'bbbbbbbb', 'cccccccc']) },
  'no token, and two refusals within an hour': { sends: logged(['aaaaaaaa', 'bbbbbbbb']) },
  'a fresh token, and a refresh token': { ...fresh, ...renewable },
  'a token in its renewal window, and a refresh token': { ...inWindow, ...renewable },
  'no token, and a refresh token': renewable,
  'no token, a refresh token, and a lease': { ...renewable, leaseUntil: now + 9000 },
  'no token, a refresh token, and a back-off': { ...renewable, ...failed, retryAt: now + 1 },
  'no token, a refresh token, and a login budget used up': { ...renewable, logins: logged(Array(12).fill('')) },
  'no token, a refresh token, and three refusals within an hour': {
    ...renewable,
    sends: logged(['aaaaaaaa', 'bbbbbbbb', 'cccccccc']),
  },
  'a fault': { ...fresh, fault: 'schema' },
};

/** The columns of the table: who asks. */
const goals: readonly RefreshGoal[] = [
  { kind: 'serve', minValidityMs: 0 },
  { kind: 'serve', minValidityMs: 10 * minuteMs },
  { kind: 'serve', minValidityMs: 0, rejected: reported, caller: 'aaaaaaaa' },
  { kind: 'warm', minValidityMs: 0 },
  { kind: 'verify', minValidityMs: 0 },
];

function decisionOn(rest: Partial<Item>, goal: RefreshGoal, jitter = 0): Decision {
  const context = { jitter, loginBudget: defaultLoginBudget };
  const item = { ...emptyItem('main'), revision: 1, ...rest };
  const seen = { wall: now, monotonic: 0 };
  return decide({ item, seen, current: servableToken(item, now, goal.rejected) }, goal, context);
}

function inWords(decision: Decision): string {
  switch (decision.kind) {
    case 'serve':
      return decision.failure === undefined ? 'serve' : `serve, \`${decision.failure.code}\``;
    case 'blocked':
      return `\`${decision.error.code}\``;
    case 'wait':
      return decision.probed === undefined ? 'wait' : `\`${decision.probed.code}\``;
    case 'log-in':
      return `${decision.grant === 'password' ? 'log in' : 'refresh'}${decision.isBackground ? ' in the background' : ''}`;
  }
}

describe('the decision', () => {
  const page = readFileSync(new URL('../../../../docs/architecture.md', import.meta.url), 'utf8');
  const [, table = ''] = /### The decision\n[\s\S]*?\n\| --- .*\n([\s\S]*?)\n\n/.exec(page) ?? [];
  const rows = table.split('\n').map((line) => line.slice(2, -2).split(' | '));

  test('has every row of the table in the architecture', () => {
    expect(rows.map(([name]) => name)).toEqual(Object.keys(items));
  });

  test.each(Object.entries(items))('is what the architecture says when the item holds %s', (name, item) => {
    const cells = goals.map((goal) => inWords(decisionOn(item, goal)));
    expect([name, ...cells]).toEqual(rows.find(([row]) => row === name));
  });
});

describe('details of the decision', () => {
  test('opens the renewal window later by the jitter, but not for a warm-up', () => {
    const item = { token: tokenWith(9 * minuteMs) };

    expect(decisionOn(item, { kind: 'serve', minValidityMs: 0 }, 0.39).kind).toBe('log-in');
    expect(decisionOn(item, { kind: 'serve', minValidityMs: 0 }, 0.41).kind).toBe('serve');
    expect(decisionOn(item, { kind: 'warm', minValidityMs: 0 }, 1).kind).toBe('log-in');
  });

  test('forces a renewal only when the stored token is the reported one', () => {
    const goal = { kind: 'serve', minValidityMs: 0, rejected: reported } as const;

    expect(decisionOn(fresh, goal)).toMatchObject({ kind: 'log-in', isForced: true });
    expect(decisionOn({}, goal)).toMatchObject({ kind: 'log-in', isForced: false });
    expect(decisionOn({ token: { ...fresh.token, fingerprint: 'f'.repeat(64) } }, goal)).toEqual({ kind: 'serve' });
  });

  test('waits until another environment may take the lease over', () => {
    const decision = decisionOn({ leaseUntil: now + 9000 }, { kind: 'serve', minValidityMs: 0 });

    expect(decision).toEqual({ kind: 'wait', until: now + 11_000, probed: undefined });
  });

  test('allows a login when the lease may be taken over and the gap is over, a millisecond later', () => {
    const serve = { kind: 'serve', minValidityMs: 0 } as const;

    expect(decisionOn({ leaseUntil: now - 2000 }, serve).kind).toBe('wait');
    expect(decisionOn({ leaseUntil: now - 2001, lastLogin: now - 5000 }, serve)).toMatchObject({ until: now });
    expect(decisionOn({ leaseUntil: now - 2001, lastLogin: now - 5001 }, serve).kind).toBe('log-in');
  });

  test('tells a verification when to try again: in a second when a login is under way, else when the gap is over', () => {
    const verify = { kind: 'verify', minValidityMs: 0 } as const;
    const message = 'another login is under way, or was a moment ago';
    const code = 'renewal_in_progress';
    const busy = decisionOn({ ...fresh, leaseUntil: now - 2000, lastLogin: now }, verify);

    expect(busy).toMatchObject({ kind: 'serve', failure: { code, message, retryAfterMs: 1000 } });
    const late = decisionOn({ ...fresh, leaseUntil: now - 2001, lastLogin: now - 1000, lifetimeMs: 60_000 }, verify);
    expect(late).toMatchObject({ kind: 'serve', failure: { code, message, retryAfterMs: 29_001 } });
  });

  test('is content with the stored token when the call only looks, or reports another token', () => {
    expect(decisionOn(inWindow, { kind: 'check', minValidityMs: 0 })).toEqual({ kind: 'serve' });
    expect(decisionOn(inWindow, { kind: 'serve', minValidityMs: 0, rejected: 'f'.repeat(64) }).kind).toBe('serve');
    expect(decisionOn(inWindow, { kind: 'refresh-ahead', minValidityMs: 0 }).kind).toBe('log-in');
  });

  test('logs in in the background for callers that have a token, and not for warm-ups and verifications', () => {
    const isBackground = (kind: RefreshGoal['kind'], item: Partial<Item> = inWindow) => {
      const decision = decisionOn(item, { kind, minValidityMs: 0 });
      return decision.kind === 'log-in' && decision.isBackground;
    };

    expect([isBackground('serve'), isBackground('refresh-ahead')]).toEqual([true, true]);
    expect([isBackground('warm'), isBackground('verify'), isBackground('serve', {})]).toEqual([false, false, false]);
  });

  test('listens long after a slow answer, after a send that may have been refused, and after no or two silent logins', () => {
    const isPatient = (item: Partial<Item>) => {
      const decision = decisionOn(item, { kind: 'serve', minValidityMs: 0 });
      return decision.kind === 'log-in' && decision.isPatient;
    };
    const silent = { failures: { unknown: 1 } };

    expect([isPatient({}), isPatient({ failures: { unknown: 2 } })]).toEqual([true, true]);
    expect(isPatient(silent)).toBe(false);
    expect(isPatient({ ...silent, isSlow: true })).toBe(true);
    expect(isPatient({ ...silent, sends: logged(['aaaaaaaa']) })).toBe(true);
  });

  test('says until when a user rests, and that is no back-off of the account', () => {
    const sends = logged(['aaaaaaaa', 'bbbbbbbb', 'cccccccc']);
    const decision = decisionOn({ sends }, { kind: 'serve', minValidityMs: 0 });
    const message = 'three passwords of this user were refused within an hour';
    const error = { code: 'too_many_refusals', message, retryAfterMs: 59 * minuteMs };

    expect(decision).toMatchObject({ kind: 'blocked', error });
  });

  test('counts forced renewals of a caller without a name for the empty name', () => {
    const goal = { kind: 'serve', minValidityMs: 0, rejected: reported } as const;

    const used = { ...fresh, logins: logged(['', '', '']) };
    expect(decisionOn(used, goal)).toMatchObject({ error: { code: 'too_many_rejections' } });
    const ofOther = { ...fresh, logins: logged(['aaaaaaaa', 'aaaaaaaa', 'aaaaaaaa']) };
    expect(decisionOn(ofOther, goal)).toMatchObject({ kind: 'log-in' });
  });

  test('says why no password may go out in place of the refresh token, and only then', () => {
    const sends = logged(['aaaaaaaa', 'bbbbbbbb', 'cccccccc']);
    const serve = { kind: 'serve', minValidityMs: 0 } as const;

    const passwordBlock = { code: 'too_many_refusals', retryAfterMs: 59 * minuteMs };
    expect(decisionOn({ ...renewable, sends }, serve)).toMatchObject({ grant: 'refresh_token', passwordBlock });
    expect(decisionOn(renewable, serve)).toMatchObject({ grant: 'refresh_token', passwordBlock: undefined });
    expect(decisionOn({}, serve)).toMatchObject({ grant: 'password', passwordBlock: undefined });
  });

  test('says what is wrong with a faulty item', () => {
    const decision = decisionOn({ fault: 'schema' }, { kind: 'serve', minValidityMs: 0 });

    expect(decision).toMatchObject({ error: { message: 'the item cannot be used: schema' } });
  });

  test('waits with a renewal up to the minute after one that failed, and says why, without a count', () => {
    const serve = { kind: 'serve', minValidityMs: 0 } as const;
    const message = 'a renewal failed a short while ago';

    expect(decisionOn({ ...inWindow, ...failed, renewAt: now + 1 }, serve)).toMatchObject({
      kind: 'blocked',
      error: { code: 'upstream_timeout', message },
    });
    expect(decisionOn({ ...inWindow, renewAt: now + 1 }, serve)).toMatchObject({
      error: { code: 'upstream_unavailable', message },
    });
    expect(decisionOn({ ...inWindow, ...failed, renewAt: now }, serve).kind).toBe('log-in');
  });

  test('hands the probed failure on to the login, so that calls that join do not wait for a probe', () => {
    const serve = { kind: 'serve', minValidityMs: 0 } as const;

    expect(decisionOn(failed, serve)).toMatchObject({ kind: 'log-in', probed: { code: 'upstream_timeout' } });
    expect(decisionOn({ ...inWindow, ...failed }, serve)).toMatchObject({ kind: 'log-in', probed: undefined });
  });
});

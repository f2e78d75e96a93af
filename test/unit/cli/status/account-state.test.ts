// How an account is, by what the broker's `status` says.
import { expect, test } from 'vitest';
import { currentError, stateOf } from '../../../../cli/status/account-state.ts';

const now = Date.UTC(2026, 10, 24, 12);
const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString();
const failed = (code: string, minutes: number) => ({ last_error: { code, at: at(minutes) } });

test.each([
  ['has a token', { expires_at: at(20), last_login: at(-10) }, 'fine', 'ok'],
  ['was never used', { paused: false, marks: 0 }, 'fine', 'no token'],
  [
    'had an error before its last login',
    { ...failed('credentials_rejected', -9), last_login: at(-8) },
    'fine',
    'no token',
  ],
  ['cannot be read', { error: 'table_unavailable' }, 'wrong', 'not readable'],
  ['has a fault', { fault: 'marks', paused: true }, 'wrong', 'faulty item'],
  ['is paused and has a token', { paused: true, expires_at: at(20) }, 'wrong', 'paused'],
  ['is open and was removed', { open: true, paused: true, secret_error: 'secret_missing' }, 'wrong', 'removed'],
  [
    'is open and lost its secret',
    { open: true, paused: false, secret_error: 'secret_missing' },
    'wrong',
    'secret missing',
  ],
  ['is open and half made', { open: true, secret_error: 'credentials_missing' }, 'wrong', 'no value'],
  ['is listed and has no value', { secret_error: 'credentials_missing' }, 'wrong', 'credentials missing'],
  ['is listed, paused, and lost its secret', { paused: true, secret_error: 'secret_missing' }, 'wrong', 'paused'],
  ['rests', { rests_until: at(9), ...failed('credentials_rejected', -1) }, 'wrong', 'resting'],
  ['has rested', { rests_until: at(-9) }, 'fine', 'no token'],
  ['was refused', failed('credentials_rejected', -1), 'wrong', 'credentials rejected'],
  ['waits for a person', { retry_at: at(9), retry_code: 'duplicate_user' }, 'wrong', 'duplicate user'],
  ['logs in', { lease_until: at(1) }, 'busy', 'logging in'],
  ['waits', { retry_at: at(9), retry_code: 'upstream_timeout' }, 'wrong', 'waiting'],
  ['failed a moment ago', failed('upstream_timeout', -1), 'wrong', 'failing'],
])('an account that %s', (_, status, urgency, state) => {
  expect(stateOf(status, now)).toMatchObject({ urgency, state });
});

test('the advice says what to do, or when it goes on', () => {
  expect(stateOf({ paused: true }, now).advice).toContain('`resume`');
  expect(stateOf(failed('secret_malformed', -1), now).advice).toContain('`credentials set`');
  expect(stateOf({ retry_at: at(9), retry_code: 'upstream_timeout' }, now).advice).toBe(
    'the last login failed (upstream_timeout); the next one starts in 9 min',
  );
});

test('an error is current until a later login', () => {
  expect(currentError({ ...failed('upstream_timeout', -2), last_login: at(-3) })).toBe('upstream_timeout');
  expect(currentError({ ...failed('upstream_timeout', -2), last_login: at(-1) })).toBeUndefined();
  expect(currentError({})).toBeUndefined();
});

test('promise 58: a secret that the broker cannot use is wrong, also after a login with the one before', () => {
  const { urgency, state, advice } = stateOf(
    { secret_error: 'secret_malformed', expires_at: '2099-01-01T00:00:00Z' },
    now,
  );
  expect([urgency, state]).toEqual(['wrong', 'secret malformed']);
  expect(advice).toContain('`credentials set`');
});

// The table of `status`.
import { expect, test } from 'vitest';
import { detailsOf, tableOf } from '../../../../cli/status/table.ts';

const now = Date.UTC(2026, 10, 24, 12);
const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString();
const fine = {
  account: 'a-fine-one',
  expires_at: at(20),
  next_renewal: at(10),
  last_login: at(-10),
  logins_last_hour: 1,
  logins_last_day: 9,
};
const refused = {
  account: 'b',
  paused: false,
  last_error: { code: 'credentials_rejected', at: at(-1) },
  logins_last_hour: 0,
  logins_last_day: 0,
};
const plain = { style: (_: string, text: string) => text };

test('what needs attention is at the top, with what to do, and the columns are aligned', () => {
  expect(tableOf([fine, { ...fine, account: 'c', lease_until: at(1) }, refused], plain, now)).toEqual([
    'account     state                 token ends  renewal    last login  logins 1 h / 24 h',
    'b           credentials rejected  -           -          -           0 / 0',
    '  Fegora refuses user or password; check them at Fegora, then run `credentials set`',
    'c           logging in            in 20 min   in 10 min  10 min ago  1 / 9',
    '  a login is under way',
    'a-fine-one  ok                    in 20 min   in 10 min  10 min ago  1 / 9',
  ]);
});

test('styles do not change the columns', () => {
  const styled = { style: (style: string, text: string) => `<${style}>${text}</>` };

  expect(tableOf([fine], styled, now)[1]).toBe('a-fine-one  <green>ok   </>  in 20 min   in 10 min  10 min ago  1 / 9');
});

test('the details say whether a refresh token is held', () => {
  expect(detailsOf({ ...fine, refresh_token: 'held' }, now)).toContain('  refresh_token    held');
});

test('the details have every member with its distance in time, without an error that is over', () => {
  expect(detailsOf(refused, now)).toEqual([
    '  paused           false',
    '  logins_last_hour 0',
    '  logins_last_day  0',
    `  last_error       credentials_rejected at ${at(-1)} (60 s ago)`,
  ]);
  expect(detailsOf({ ...refused, last_login: at(0) }, now).join()).not.toContain('last_error');
});

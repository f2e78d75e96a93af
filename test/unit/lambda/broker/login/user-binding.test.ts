// Tests how the logs of two accounts are joined when a Fegora user passes on (lambda/broker/login/user-binding.ts).
import { describe, expect, test } from 'vitest';
import { emptyItem } from '../../../../../lambda/aws/item-record.ts';
import type { Item, LogEntry } from '../../../../../lambda/broker/item.ts';
import { createUserBinding } from '../../../../../lambda/broker/login/user-binding.ts';
import { type Change, portsOf } from '../../../../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../../../../lambda/config.ts';
import { createVirtualClock } from '../../../../support/virtual-clock.ts';

const unused = () => Promise.reject(new Error('not asked for here'));
const now = Date.UTC(2026, 0, 15, 12);
const a: LogEntry = { at: now - 3000, tag: 'aaaaaaaa' };
const b: LogEntry = { at: now - 2000, tag: 'bbbbbbbb' };
const old: LogEntry = { at: now - 24 * 3_600_000, tag: 'aaaaaaaa' };

/** Binds the user of an account that is not configured any more to `renamed`. Returns what it writes to `renamed`. */
async function inherited(own: Partial<Item>, other: Partial<Item>): Promise<Extract<Change, { kind: 'inherit' }>> {
  const clock = createVirtualClock(now);
  const written: Change[] = [];
  const ports = portsOf('renamed', {
    clock,
    random: () => 0,
    observe: () => {},
    tokenUrl: 'https://fegora.invalid/token',
    login: unused,
    readCredentials: unused,
    table: {
      read: async (account) => ({ item: { ...emptyItem(account), revision: 1, ...other }, at: now }),
      claim: unused,
      write: async (_, change) => written.push(change) > 0,
      bindUser: async (_, binding) => (binding.from === undefined ? { account: 'main' } : binding),
    },
    isConfigured: (account) => account === 'renamed',
    loginBudget: defaultLoginBudget,
  });
  const item = { ...emptyItem('renamed'), ...own };
  const snapshot = { item, seen: { wall: now, monotonic: 0 }, current: undefined };
  const credentials = { username: '25365421', password: 'p', clientId: 'apiApp', versionId: 'v1' };
  await createUserBinding(ports)(snapshot, credentials, new AbortController().signal);
  const last = written.at(-1);
  if (last?.kind !== 'inherit') {
    throw new Error('nothing was inherited');
  }
  return last;
}

describe('promise 77: the logs of two accounts', () => {
  const cases: readonly (readonly [string, LogEntry[], LogEntry[], LogEntry[]])[] = [
    ['the log that is not empty', [], [a, b], [a, b]],
    ['both, in their order', [b], [a], [a, b]],
    ['entries that both have once', [a, b], [a, b], [a, b]],
    ['equal entries as often as the other log has them', [a], [a, a, a], [a, a, a]],
    ['equal entries as often as the own log has them', [a, a], [a, b], [a, a, b]],
    ['no entries that are over a day old', [old, a], [old, b], [a, b]],
  ];

  test.each(cases)('joined have %s', async (_, own, other, joined) => {
    expect((await inherited({ sends: own }, { sends: other })).sends).toEqual(joined);
    expect((await inherited({ logins: own }, { logins: other })).logins).toEqual(joined);
  });
});

test('promise 74: takes along what a late try and the budget depend on, and nothing that the other account did not know', async () => {
  const known = { lastGood: 'key-1', retryKey: 'key-2', retryRejectedAt: now + 1, lifetimeMs: 60_000 };
  const rejected = { rejectedCredentials: new Set(['key-2']) };

  expect(await inherited({}, { ...known, ...rejected })).toMatchObject({ ...known, rejectedCredentials: ['key-2'] });
  expect(Object.keys(await inherited({}, {})).sort()).toEqual(
    ['kind', 'logins', 'newUser', 'rejectedCredentials', 'revision', 'sends'].sort(),
  );
});

// Tests which account gets a Fegora user, and what the others are told (lambda/broker/login/user-binding.ts).
import { describe, expect, test } from 'vitest';
import { hourMs } from '../../../../../lambda/broker/clock.ts';
import { type Item, noUser, userKey } from '../../../../../lambda/broker/item.ts';
import { createUserBinding } from '../../../../../lambda/broker/login/user-binding.ts';
import type { AccountPorts, UserOwner } from '../../../../../lambda/broker/ports.ts';
import { BrokerError } from '../../../../../lambda/errors.ts';
import { answeredTable, portsWith } from '../../../../support/core/account-ports.ts';
import { credentials, itemWith, noon } from '../../../../support/core/login-order.ts';
import { createVirtualClock } from '../../../../support/virtual-clock.ts';

const user = userKey('https://fegora.invalid/token', credentials.username);
/** The item of `main` was read at noon. It is bound 700 ms later. */
const now = noon + 700;

interface Scene {
  readonly own?: Partial<Item>;
  /** Whom the user belongs to, before `main` asks for it and after it takes it over. */
  readonly owner?: UserOwner;
  readonly ownerAfter?: UserOwner;
  /** Which of the two writes the table throttles. */
  readonly throttled?: 'first' | 'second';
  /** The items of `other` and of `before`. */
  readonly other?: Partial<Item>;
  readonly before?: Partial<Item>;
  readonly isConfigured?: boolean;
  /** Whether the item of `other` is still as it was read. */
  readonly isUnchanged?: boolean;
}

/** Binds the user of `main`. Returns the result, what was asked of the other items in its order, and what was written. */
async function bind(scene: Scene = {}) {
  const { own = {}, other = {}, before = {}, owner = { account: 'other' }, ownerAfter = { account: 'main' } } = scene;
  const clock = createVirtualClock(noon);
  const { table, written } = answeredTable(clock);
  const asked: unknown[] = [];
  const users: AccountPorts['users'] = {
    read: async (account) => {
      asked.push(`read ${account}`);
      return { item: itemWith({ account, revision: 3, ...(account === 'other' ? other : before) }) };
    },
    write: async (account, change) => {
      asked.push([account, change]);
      return scene.isUnchanged ?? true;
    },
    bindUser: async (key, binding) => {
      asked.push({ bind: key, ...binding });
      const isFirst = binding.from === undefined;
      return scene.throttled === (isFirst ? 'first' : 'second') ? undefined : isFirst ? owner : ownerAfter;
    },
  };
  const { ports, observed } = portsWith({ clock, table, users, isConfigured: () => scene.isConfigured ?? false });
  const snapshot = { item: itemWith({ revision: 7, ...own }), seen: { wall: noon, monotonic: 0 }, current: undefined };
  await clock.advance(700);
  const result = await createUserBinding(ports)(snapshot, credentials, new AbortController().signal);
  return { result, asked, observed, written: written() };
}

const bindOwn = { bind: user, account: 'main' };
const takeOver = { bind: user, account: 'main', from: 'other' };
const fence = ['other', { kind: 'fence', revision: 3 }];
const retire = ['other', { kind: 'retire', revision: 3, retryAt: now + 120_000 }];
const nothingKnown = { rejectedCredentials: [], sends: [], logins: [] };
const inherit = { kind: 'inherit', revision: 7, newUser: user, ...nothingKnown };
const takenOver = { result: { againAt: now }, observed: [{ kind: 'user_taken_over' }], written: [inherit] };

describe('promise 63: a table that is at its limit', () => {
  test('binds no user: the item is to be read again, for another environment may have logged in', async () => {
    const result = { againAt: Number.POSITIVE_INFINITY, isCrowded: true };

    expect(await bind({ throttled: 'first' })).toEqual({ result, asked: [bindOwn], observed: [], written: [] });
  });

  test('passes no user on, and the caller may ask again', async () => {
    const { result, observed, written } = await bind({ throttled: 'second' });

    expect(result).toMatchObject({ code: 'renewal_in_progress' });
    expect({ observed, written }).toEqual({ observed: [], written: [] });
  });
});

describe('a user that no other account has', () => {
  test('needs no binding when the account is bound to it already', async () => {
    expect(await bind({ own: { userKey: user } })).toEqual({ result: undefined, asked: [], observed: [], written: [] });
  });

  test('is bound to the account, and to be written by its claim, when the account had none or another', async () => {
    const binding = { result: { newUser: user }, asked: [bindOwn], observed: [], written: [] };
    const owner = { account: 'main' };

    expect(await bind({ owner })).toStrictEqual(binding);
    expect(await bind({ owner, own: { userKey: 'another' } })).toStrictEqual(binding);
  });

  test('brings along what the account knew that it was taken from when that is not inherited yet', async () => {
    const before = { lastGood: 'key-1', rejectedCredentials: new Set(['key-2']), logins: [{ at: noon - 1, tag: '' }] };
    const { result, asked, written } = await bind({ owner: { account: 'main', from: 'before' }, before });

    expect(result).toEqual({ againAt: now });
    expect(asked).toEqual([bindOwn, 'read before']);
    expect(written).toStrictEqual([
      { ...inherit, lastGood: 'key-1', rejectedCredentials: ['key-2'], logins: before.logins },
    ]);
  });
});

describe('a user that another account has', () => {
  test.each([
    ['is configured and has no item', true, {}],
    ['is configured and bound to it', true, { userKey: user }],
    ['has an item that cannot be read', false, { fault: 'revision', userKey: user }],
    ['has moved to another user in an item that cannot be read', true, { fault: 'revision', userKey: 'another' }],
  ])(
    'stays with it, and the account fails with duplicate_user, when that account %s',
    async (_, isConfigured, other) => {
      const { result, asked, written } = await bind({ isConfigured, other });

      expect(result).toBeInstanceOf(BrokerError);
      expect(result).toMatchObject({ code: 'duplicate_user' });
      expect(asked).toEqual([bindOwn, 'read other']);
      expect(written).toEqual([]);
    },
  );

  test('makes the account let go of its own user, and stay away for 30 s, when it had another', async () => {
    const { result, asked } = await bind({ isConfigured: true, own: { userKey: 'another' } });

    expect(result).toMatchObject({ code: 'duplicate_user' });
    expect(asked.slice(2)).toEqual([['main', { kind: 'retire', revision: 7, retryAt: now + 30_000 }]]);
  });

  test('changes nothing of the account when it has let go of its user already', async () => {
    expect((await bind({ isConfigured: true, own: { userKey: noUser } })).asked).toHaveLength(2);
  });

  test('is taken over, and that account stays away for 2 minutes, when it is not configured any more', async () => {
    expect(await bind()).toStrictEqual({ ...takenOver, asked: [bindOwn, 'read other', retire, takeOver] });
    expect(await bind({ other: { userKey: user } })).toMatchObject({ ...takenOver, asked: [{}, {}, retire, {}] });
  });

  test.each([true, false])(
    'is taken over, and that account only reads again, when it has moved (configured: %s)',
    async (isConfigured) => {
      const { asked, ...rest } = await bind({ isConfigured, other: { userKey: 'another' } });

      expect(rest).toStrictEqual(takenOver);
      expect(asked).toEqual([bindOwn, 'read other', fence, takeOver]);
    },
  );

  test('is on its way when the item of that account has changed, and nothing is taken over', async () => {
    const { result, asked, observed, written } = await bind({ isUnchanged: false });

    expect(result).toMatchObject({ code: 'renewal_in_progress' });
    expect(asked).toEqual([bindOwn, 'read other', retire]);
    expect([observed, written]).toEqual([[], []]);
  });

  test('is on its way when a third account was faster, and nothing is inherited', async () => {
    const { result, observed, written } = await bind({ ownerAfter: { account: 'third' } });

    expect(result).toMatchObject({ code: 'renewal_in_progress' });
    expect([observed, written]).toEqual([[], []]);
  });
});

describe('what keeps a user with an account that is not configured any more', () => {
  test.each([
    [
      'a lease whose end, with 2 s of tolerance, is this millisecond',
      { leaseUntil: now - 2000 },
      'renewal_in_progress',
      0,
    ],
    ['a lease that lasts 5 s more', { leaseUntil: now + 5000 }, 'renewal_in_progress', 7000],
    ['a back-off', { retryAt: now + 9000, retryCode: 'upstream_unavailable' }, 'upstream_unavailable', 9000],
  ] as const)('is %s', async (_, other, code, retryAfterMs) => {
    const { result, asked, written } = await bind({ other });

    expect(result).toMatchObject({ code, retryAfterMs });
    expect(asked).toEqual([bindOwn, 'read other']);
    expect(written).toEqual([]);
  });

  test.each([
    ['a lease that ended one millisecond before', { leaseUntil: now - 2001 }],
    ['a back-off that is over', { retryAt: now, retryCode: 'upstream_unavailable' }],
    ['a back-off for having lost the user', { retryAt: now + 9000, retryCode: 'duplicate_user' }],
    ['a pause', { paused: true }],
  ] as const)('is not %s', async (_, other) => {
    expect(await bind({ other })).toMatchObject(takenOver);
  });
});

describe('what is inherited of two accounts', () => {
  const owner = { account: 'other', from: 'before' };
  const known = { lastGood: 'key-1', rejectedCredentials: new Set(['key-1', 'key-2']) };
  const knownBefore = { lastGood: 'key-3', lifetimeMs: 60_000, rejectedCredentials: new Set(['key-2', 'key-3']) };
  const both = { owner, other: known, before: knownBefore };

  test('is what the owner knew, then what the account before it knew, when the owner has not inherited that', async () => {
    const { asked, written } = await bind(both);

    expect(asked).toEqual([bindOwn, 'read other', 'read before', retire, takeOver]);
    expect(written).toStrictEqual([
      { ...inherit, lastGood: 'key-1', lifetimeMs: 60_000, rejectedCredentials: ['key-1', 'key-2', 'key-3'] },
    ]);
  });

  test('is only what the owner knew when the owner is bound to the user', async () => {
    const { asked, written } = await bind({ ...both, other: { ...known, userKey: user } });

    expect(asked).not.toContain('read before');
    expect(written).toStrictEqual([{ ...inherit, lastGood: 'key-1', rejectedCredentials: ['key-1', 'key-2'] }]);
  });

  test('has an entry of each account when their entries differ only in the time or only in the credentials', async () => {
    const entry = { at: noon - hourMs, tag: 'aaaaaaaa' };
    const later = { ...entry, at: entry.at + 1 };
    const otherTag = { ...entry, tag: 'bbbbbbbb' };
    const { written } = await bind({ own: { sends: [entry] }, other: { sends: [otherTag, later] } });

    expect(written).toMatchObject([{ sends: [entry, otherTag, later] }]);
  });
});

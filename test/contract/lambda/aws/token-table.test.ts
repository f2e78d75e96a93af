// The contract of the token table: runs on the fake and on a real DynamoDB API (dynalite) over HTTP.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCallDynamo } from '../../../../lambda/aws/dynamodb.ts';
import { createTokenTable } from '../../../../lambda/aws/token-table.ts';
import type { Item } from '../../../../lambda/broker/item.ts';
import type { Amendment, Change, Claim, TokenTable } from '../../../../lambda/broker/ports.ts';
import { fingerprint, seal, type Token } from '../../../../lambda/broker/token.ts';
import { BrokerError } from '../../../../lambda/errors.ts';
import type { LoopbackServer } from '../../../../local/loopback.ts';
import { startTable } from '../../../../local/table.ts';
import { realTime } from '../../../support/skipping-clock.ts';
import { harnessInMemory, harnessOverHttp, type Row, type TableHarness } from '../../../support/table-harness.ts';

const now = Date.UTC(2026, 0, 15, 12);
const never = new AbortController().signal;

let dynalite: LoopbackServer;

beforeAll(async () => {
  dynalite = await startTable('tokens');
});

afterAll(() => dynalite.close());

function tokenOf(text: string, rest: Partial<Token> = {}): Token {
  const accessToken = `not-a-real-token-${text}`;
  const token = { accessToken, fingerprint: fingerprint(accessToken), issuedAt: now, lifetimeMs: 1_800_000 };
  return { ...token, versionId: 'v1', ...rest };
}

/** Returns the item of an account with this token, as it is stored. */
function stored(account: string, token: Token): Row {
  return {
    schema: { N: '1' },
    revision: { N: '7' },
    access_token: { S: token.accessToken },
    issued_at: { N: String(token.issuedAt) },
    lifetime_ms: { N: String(token.lifetimeMs) },
    version_id: { S: token.versionId },
    seal: { S: seal(account, token) },
  };
}

function claimOf(owner: string, at = now, rest: Partial<Claim> = {}): Claim {
  return { owner, now: at, leaseUntil: at + 15_000, dropToken: false, sends: [], logins: [], ...rest };
}

type PublishedUser = Pick<Extract<Change, { kind: 'publish' }>, 'tokenUser' | 'isOtherUser'>;

const backoff = {
  retryAt: now + 5000,
  code: 'upstream_unavailable',
  answer: 'html_500',
  failures: { unavailable: 2, unknown: 1 },
} as const;
const backoffAttributes = ['retry_at', 'retry_code', 'failed_answer', 'failed_counts'];

const backends: readonly (readonly [string, () => TableHarness | Promise<TableHarness>])[] = [
  ['in memory', () => harnessInMemory(() => now)],
  ['over HTTP', () => harnessOverHttp(dynalite.url)],
];

describe.each(backends)('the token table %s', (where, start) => {
  let harness: TableHarness;
  let table: TokenTable;
  let account = '';
  let accounts = 0;

  beforeEach(async () => {
    accounts += 1;
    account = `account-${accounts}`;
    harness = await start();
    table = harness.table;
  });

  const read = async (): Promise<Item> => (await table.read(account, never)).item;
  const write = (change: Change): Promise<boolean> => table.write(account, change, never);
  const claim = (item: Item, taken: Claim) => table.claim(item, taken, never);
  const publish = (owner: string, token: Token, key = 'key-1', user: PublishedUser = { isOtherUser: false }) =>
    write({ kind: 'publish', owner, token, key, at: now + 400, sends: [], isSlow: false, loginMs: 700, ...user });
  const row = async (): Promise<Row> => (await harness.row(account)) ?? {};
  const put = (content: Row): Promise<void> => harness.put(account, content);

  /** Claims the item as it is now. */
  async function held(owner: string): Promise<void> {
    expect(await claim(await read(), claimOf(owner))).toBe(true);
  }

  describe('a read', () => {
    test('reads an empty item when the account has never logged in', async () => {
      expect(await read()).toEqual({
        account,
        revision: 0,
        generation: 0,
        leaseUntil: 0,
        failures: {},
        isSlow: false,
        rejectedCredentials: new Set(),
        sends: [],
        logins: [],
        paused: false,
      });
    });

    test('reads the time of the table', async () => {
      const { at } = await table.read(account, never);
      const clock = where === 'in memory' ? now : Date.now();

      expect(Math.abs((at ?? 0) - clock)).toBeLessThan(3000);
    });

    test('reads what was written', async () => {
      await held('owner-1');
      await publish('owner-1', tokenOf('a'));

      expect(await read()).toMatchObject({
        revision: 2,
        owner: 'owner-1',
        leaseUntil: 0,
        token: tokenOf('a'),
        lifetimeMs: 1_800_000,
        lastLogin: now + 400,
        lastGood: 'key-1',
      });
    });
  });

  describe('a claim', () => {
    test('claims with one write only when the item is as it was read', async () => {
      const asRead = await read();

      expect(await claim(asRead, claimOf('owner-1'))).toBe(true);
      expect(await row()).toEqual({
        account: { S: account },
        schema: { N: '1' },
        revision: { N: '1' },
        owner: { S: 'owner-1' },
        lease_until: { N: String(now + 15_000) },
        sends: { S: '' },
        logins: { S: '' },
      });
      expect(await claim(asRead, claimOf('owner-2', now + 60_000))).toBe(false);
      expect((await read()).owner).toBe('owner-1');
    });

    test('lets one of ten owners claim when all claim at the same time', async () => {
      await put(stored(account, tokenOf('a')));
      const asRead = await read();
      const owners = Array.from({ length: 10 }, (_, index) => `owner-${index}`);
      const won = await Promise.all(owners.map((owner) => claim(asRead, claimOf(owner))));

      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await read()).owner).toBe(owners[won.indexOf(true)]);
      expect((await read()).revision).toBe(8);
    });

    test.each([
      ['a rejection', (): Change => ({ kind: 'reject', key: 'key-9' })],
      ['a pause', (): Change => ({ kind: 'pause' })],
      ['a purge', (): Change => ({ kind: 'purge' })],
      ['a resumption', (): Change => ({ kind: 'resume' })],
    ])('refuses a claim when %s was written since the read', async (_, change) => {
      const fresh = await read();
      await write(change());
      const later = await read();
      await write(change());

      expect(await claim(fresh, claimOf('owner-1'))).toBe(false);
      expect(await claim(later, claimOf('owner-1'))).toBe(false);
      expect(await claim(await read(), claimOf('owner-1'))).toBe(true);
    });

    test('allows another owner to claim only when the lease ended more than 2 s ago', async () => {
      await held('owner-1');
      const leased = await read();
      const leaseUntil = now + 15_000;

      expect(await claim(leased, claimOf('owner-2', now))).toBe(false);
      expect(await claim(leased, claimOf('owner-2', leaseUntil))).toBe(false);
      expect(await claim(leased, claimOf('owner-2', leaseUntil + 2000))).toBe(false);
      expect(await claim(leased, claimOf('owner-2', leaseUntil + 2001))).toBe(true);
      expect(await read()).toMatchObject({ owner: 'owner-2', leaseUntil: leaseUntil + 2001 + 15_000 });
    });

    test('allows a claim at once when the lease was ended', async () => {
      await held('owner-1');
      await write({ kind: 'fail', owner: 'owner-1', endLease: true });

      expect(await claim(await read(), claimOf('owner-2'))).toBe(true);
    });

    test('promise 18: removes an expired token at a claim and keeps any other', async () => {
      await put(stored(account, tokenOf('a')));
      await claim(await read(), claimOf('owner-1'));
      expect(await read()).toMatchObject({ token: tokenOf('a') });
      await claim(await read(), claimOf('owner-2', now + 60_000, { dropToken: true }));

      expect(await row()).not.toHaveProperty('access_token');
      expect(await row()).not.toHaveProperty('seal');
      const { token, lifetimeMs } = await read();
      expect(token).toBeUndefined();
      // The gap between two logins needs the lifetime after the token is gone.
      expect(lifetimeMs).toBe(1_800_000);
      expect(harness.observations).toEqual([]);
    });

    test('writes the retry time of a rejected version, and the logs of sends and logins, at a claim', async () => {
      const sends = [{ at: now - 60_000, tag: 'aaaaaaaa' }];
      const logins = [
        { at: now - 3_600_000, tag: '' },
        { at: now, tag: 'bbbbbbbb' },
      ];
      await claim(await read(), claimOf('owner-1', now, { retryRejectedAt: now + 21_600_000, sends, logins }));

      expect(await read()).toMatchObject({ retryRejectedAt: now + 21_600_000, sends, logins });
      await write({ kind: 'fail', owner: 'owner-1', endLease: true });
      expect(await read()).toMatchObject({ retryRejectedAt: now + 21_600_000, sends, logins });
      await claim(await read(), claimOf('owner-2'));
      await write({ kind: 'fail', owner: 'owner-2', endLease: true, sends, logins: [] });
      expect(await read()).toMatchObject({ sends, logins: [] });
    });

    test('promise 75: keeps the token of the user before until a login as the new one succeeds', async () => {
      await held('owner-1');
      await publish('owner-1', tokenOf('a'));
      await claim(await read(), claimOf('owner-2', now, { newUser: 'user-2' }));

      expect(await read()).toMatchObject({ userKey: 'user-2', generation: 0, token: tokenOf('a') });
      await publish('owner-2', tokenOf('b'), 'key-1', { tokenUser: 'user-2', isOtherUser: true });
      expect(await read()).toMatchObject({ tokenUser: 'user-2', generation: 1, token: tokenOf('b') });
    });
  });

  describe('a Fegora user', () => {
    const bind = (to: string, from?: string) =>
      table.bindUser(`user-of-${account}`, { account: to, ...(from !== undefined && { from }) }, never);

    test('promise 74: belongs to the account that is bound first, until it is taken from that account', async () => {
      expect(await bind('one')).toEqual({ account: 'one' });
      expect(await bind('two')).toEqual({ account: 'one' });
      expect(await bind('two', 'three')).toEqual({ account: 'one' });
      expect(await bind('two', 'one')).toMatchObject({ account: 'two', from: 'one' });
      expect(await bind('three', 'one')).toEqual({ account: 'two', from: 'one' });
      expect(await bind('two')).toEqual({ account: 'two', from: 'one' });
    });

    test('promise 74: takes along what another account knew of it, only if it did not change since it was read', async () => {
      const sends = [{ at: now, tag: 'aaaaaaaa' }];
      const logins = [{ at: now, tag: '' }];
      const newUser = 'user-2';
      const known = { lastGood: 'key-7', retryKey: 'key-8', retryRejectedAt: now + 1, lifetimeMs: 61_000 };
      const inheritance = {
        kind: 'inherit',
        newUser,
        ...known,
        rejectedCredentials: ['key-8', 'key-9'],
        sends,
        logins,
      } as const;
      expect(await write({ ...inheritance, revision: 0 })).toBe(true);
      expect(await write({ ...inheritance, revision: 0, sends: [] })).toBe(false);

      expect(await read()).toMatchObject({ revision: 1, generation: 0, userKey: 'user-2', sends, logins, ...known });
      expect((await read()).rejectedCredentials).toEqual(new Set(['key-8', 'key-9']));
    });

    test('promise 74: shuts out a late holder when the account inherits another user', async () => {
      await held('owner-1');
      const { revision } = await read();
      await write({ kind: 'inherit', revision, newUser: 'user-2', rejectedCredentials: [], sends: [], logins: [] });

      expect(await publish('owner-1', tokenOf('a'))).toBe(false);
      expect(await read()).toMatchObject({ userKey: 'user-2' });
    });

    test('promise 74: a fence changes nothing but the revision, once', async () => {
      await held('owner-1');
      const before = await read();

      expect(await write({ kind: 'fence', revision: before.revision })).toBe(true);
      expect(await read()).toEqual({ ...before, revision: before.revision + 1 });
      expect(await write({ kind: 'fence', revision: before.revision })).toBe(false);
    });
  });

  describe('a publication', () => {
    test('ends the lease and removes all signs of failures at a publication', async () => {
      await held('owner-1');
      await write({ kind: 'reject', key: 'key-1', retryRejectedAt: now + 1 });
      const error = { code: 'upstream_timeout', at: now } as const;
      await write({ kind: 'fail', owner: 'owner-1', endLease: false, error, backoff, renewAt: now + 60_000 });
      expect(Object.keys(await row())).toEqual(
        expect.arrayContaining([...backoffAttributes, 'renew_at', 'next_try', 'marks', 'last_error_code']),
      );

      expect(await publish('owner-1', tokenOf('a'))).toBe(true);
      const left = await row();
      expect(Object.keys(left)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(retry_|failed|renew_at|next_try|marks|last_error)/)]),
      );
      expect(left).toMatchObject({ lease_until: { N: '0' } });
      expect(await read()).toMatchObject({ token: tokenOf('a'), lastGood: 'key-1', lastLogin: now + 400 });
    });

    test('removes the rejection of its own version and keeps the others at a publication', async () => {
      await held('owner-1');
      await write({ kind: 'reject', key: 'key-1' });
      await write({ kind: 'reject', key: 'key-2' });
      await publish('owner-1', tokenOf('a'), 'key-1');

      expect((await read()).rejectedCredentials).toEqual(new Set(['key-2']));
    });

    test('refuses a publication and changes nothing when another owner has claimed', async () => {
      await held('owner-1');
      await claim(await read(), claimOf('owner-2', now + 17_001));
      const before = await row();

      expect(await publish('owner-1', tokenOf('late'))).toBe(false);
      expect(await row()).toEqual(before);
      expect(await publish('owner-2', tokenOf('new'))).toBe(true);
      expect(await publish('owner-1', tokenOf('late'))).toBe(false);
      expect((await read()).token).toEqual(tokenOf('new'));
    });

    test.each(['purge', 'revoke', 'pause'] as const)(
      'leaves the refresh token out of what a holder writes when a %s came after its claim',
      async (kind) => {
        for (const [owner, generation] of [
          ['owner-1', 0],
          ['owner-2', 1],
        ] as const) {
          const refresh = { token: 'not-a-real-refresh', generation };
          await held(owner);
          const login = { owner, key: 'key-1', at: now, sends: [], isSlow: false, loginMs: 700, isOtherUser: false };
          const publication: Change = { kind: 'publish', token: tokenOf(owner), ...login, refresh };
          const withdrawal: Change = { kind: 'fail', owner, endLease: true, refresh };
          expect([await write(publication), (await row()).refresh_token]).toEqual([true, { S: refresh.token }]);
          expect([await write(withdrawal), (await row()).refresh_token]).toEqual([true, { S: refresh.token }]);
          await write({ kind });

          expect([await write(publication), await write(withdrawal)]).toEqual([true, true]);
          expect((await read()).token).toEqual(tokenOf(owner));
          expect(Object.keys(await row()).filter((name) => name.startsWith('refresh'))).toEqual([]);
          expect(await write({ ...publication, owner: 'late' })).toBe(false);
        }
      },
    );

    test('refuses a publication when there is no item', async () => {
      expect(await publish('owner-1', tokenOf('a'))).toBe(false);
      expect(await harness.row(account)).toBeUndefined();
    });
  });

  describe('a failure', () => {
    const error = { code: 'upstream_unavailable', at: now + 300 } as const;

    test('ends the lease and writes the back-off at a failure', async () => {
      await held('owner-1');
      expect(await write({ kind: 'fail', owner: 'owner-1', endLease: true, error, backoff })).toBe(true);

      expect(await read()).toMatchObject({
        leaseUntil: 0,
        retryAt: backoff.retryAt,
        retryCode: backoff.code,
        failedAnswer: backoff.answer,
        failures: backoff.failures,
        lastError: error,
      });
      expect(await row()).not.toHaveProperty('renew_at');
    });

    test('keeps the lease when the result of the login is unknown', async () => {
      await held('owner-1');
      await write({ kind: 'fail', owner: 'owner-1', endLease: false, error, backoff, renewAt: now + 60_000 });

      expect(await read()).toMatchObject({ leaseUntil: now + 15_000, renewAt: now + 60_000 });
    });

    test('removes the earlier back-off when the password was refused, and keeps it when no login was sent', async () => {
      await held('owner-1');
      await write({ kind: 'fail', owner: 'owner-1', endLease: true, error, backoff });
      await held('owner-2');
      await write({ kind: 'fail', owner: 'owner-2', endLease: true });
      expect(Object.keys(await row())).toEqual(expect.arrayContaining(backoffAttributes));

      await held('owner-3');
      const refused = { code: 'credentials_rejected', at: now + 300 } as const;
      await write({ kind: 'fail', owner: 'owner-3', endLease: true, error: refused });
      expect(Object.keys(await row()).filter((name) => backoffAttributes.includes(name))).toEqual([]);
    });

    test('keeps the token at a failure', async () => {
      await put(stored(account, tokenOf('a')));
      await held('owner-1');
      await write({ kind: 'fail', owner: 'owner-1', endLease: true, error, backoff });

      expect((await read()).token).toEqual(tokenOf('a'));
    });

    test('refuses a failure when another owner has claimed', async () => {
      await held('owner-1');
      await claim(await read(), claimOf('owner-2', now + 17_001));
      const before = await row();

      expect(await write({ kind: 'fail', owner: 'owner-1', endLease: true, error, backoff })).toBe(false);
      expect(await write({ kind: 'fail', owner: 'owner-1', endLease: true })).toBe(false);
      expect(await row()).toEqual(before);
    });
  });

  describe('a rejection', () => {
    test('stores a rejection without a lease and changes neither owner, lease nor back-off', async () => {
      await held('owner-1');
      await write({ kind: 'fail', owner: 'owner-1', endLease: false, backoff });
      await claim(await read(), claimOf('owner-2', now + 17_001));

      expect(await write({ kind: 'reject', key: 'key-1' })).toBe(true);
      expect(await read()).toMatchObject({
        owner: 'owner-2',
        leaseUntil: now + 17_001 + 15_000,
        rejectedCredentials: new Set(['key-1']),
      });
      expect(Object.keys((await row()) ?? {})).toEqual(expect.arrayContaining([...backoffAttributes]));
      expect(await row()).not.toHaveProperty('next_try');
    });

    test('creates the item when a rejection is the first write', async () => {
      expect(await write({ kind: 'reject', key: 'key-1', retryRejectedAt: now + 1_800_000 })).toBe(true);
      expect(await read()).toMatchObject({
        revision: 1,
        rejectedCredentials: new Set(['key-1']),
        retryRejectedAt: now + 1_800_000,
      });
      expect(await claim(await read(), claimOf('owner-1'))).toBe(true);
    });

    test('adds a rejection to the others, and only once', async () => {
      for (const key of ['key-1', 'key-2', 'key-1']) {
        await write({ kind: 'reject', key });
      }

      expect(await read()).toMatchObject({ revision: 3, rejectedCredentials: new Set(['key-1', 'key-2']) });
    });
  });

  describe("an operator's change", () => {
    /** Writes an item with all attributes. */
    async function fullItem(): Promise<void> {
      await put({
        ...stored(account, tokenOf('a')),
        owner: { S: 'owner-1' },
        lease_until: { N: String(now + 15_000) },
        last_login: { N: String(now) },
        bound_to: { S: 'b'.repeat(64) },
        proven: { S: 'key-1' },
        renew_at: { N: String(now + 60_000) },
        marks: { SS: ['key-1', 'key-2'] },
        next_try: { N: String(now + 1) },
        retry_at: { N: String(now + 2) },
        retry_code: { S: 'upstream_rejected' },
        failed_answer: { S: 'doubt' },
        failed_counts: { S: 'doubt.4' },
      });
    }

    const removed: readonly (readonly [Amendment, readonly string[]])[] = [
      ['clear-rejection', ['marks', 'next_try', ...backoffAttributes]],
      ['purge', ['access_token', 'seal', 'bound_to', 'bound_also', 'last_login']],
      ['revoke', ['access_token', 'seal', 'bound_to', 'bound_also', 'last_login']],
    ];

    test.each(removed)('removes only its own attributes, and no lease, at %s', async (kind, gone) => {
      await fullItem();
      const before = await row();

      expect(await write({ kind })).toBe(true);
      const kept = Object.entries(before).filter(([name]) => !gone.includes(name));
      const generation = kind === 'clear-rejection' ? {} : { generation: { N: '1' } };
      expect(await row()).toEqual({ ...Object.fromEntries(kept), ...generation, revision: { N: '8' } });
      expect(harness.observations).toEqual([]);
    });

    test('sets and removes the pause', async () => {
      await fullItem();
      const before = await row();
      await write({ kind: 'pause' });

      const raised = { ...before, generation: { N: '1' } };
      expect(await row()).toEqual({ ...raised, revision: { N: '8' }, paused: { BOOL: true } });
      expect((await read()).paused).toBe(true);
      await write({ kind: 'resume' });
      expect(await row()).toEqual({ ...raised, revision: { N: '9' } });
      expect((await read()).paused).toBe(false);
    });

    test('raises the generation by one at each purge, revoke and pause, also when there is no item', async () => {
      expect((await read()).generation).toBe(0);
      for (const kind of ['purge', 'revoke', 'pause', 'resume', 'clear-rejection', 'purge'] as const) {
        expect(await write({ kind })).toBe(true);
      }

      expect(await read()).toMatchObject({ revision: 6, generation: 4 });
    });

    test('creates the item when a pause is the first write', async () => {
      expect(await write({ kind: 'pause' })).toBe(true);
      expect(await read()).toMatchObject({ revision: 1, paused: true, leaseUntil: 0 });
    });

    test.each(['clear-rejection', 'purge', 'revoke', 'pause', 'resume'] as const)(
      'refuses %s when a later version wrote the item',
      async (kind) => {
        await fullItem();
        await put({ ...(await row()), schema: { N: '2' } });
        const before = await row();

        expect(await write({ kind })).toBe(false);
        expect(await row()).toEqual(before);
      },
    );
  });

  describe('promise 13: a damaged item', () => {
    const damages: readonly (readonly [string, (row: Row) => Row])[] = [
      ['a token that was truncated', (rest) => ({ ...rest, access_token: { S: 'not-a-real-tok' } })],
      ['another token', (rest) => ({ ...rest, access_token: { S: 'not-a-real-token-b' } })],
      ['a longer lifetime', (rest) => ({ ...rest, lifetime_ms: { N: '18000000' } })],
      ['a later issue time', (rest) => ({ ...rest, issued_at: { N: String(now + 1) } })],
      ['another version', (rest) => ({ ...rest, version_id: { S: 'v2' } })],
      ['another seal', (rest) => ({ ...rest, seal: { S: 'f'.repeat(64) } })],
      ['no seal', ({ seal: _, ...rest }) => rest],
      ['no issue time', ({ issued_at: _, ...rest }) => rest],
      ['no lifetime', ({ lifetime_ms: _, ...rest }) => rest],
      ['no version', ({ version_id: _, ...rest }) => rest],
      ['a number in place of the token', (rest) => ({ ...rest, access_token: { N: '1' } })],
      ['a text in place of the lifetime', (rest) => ({ ...rest, lifetime_ms: { S: '1800000' } })],
    ];

    test.each(damages)('reads no token but the rest of the item when the item has %s', async (_, damage) => {
      await put(damage({ ...stored(account, tokenOf('a')), marks: { SS: ['key-1'] } }));

      expect((await read()).token).toBeUndefined();
      expect(await read()).toMatchObject({ revision: 7, rejectedCredentials: new Set(['key-1']) });
      expect(await read()).not.toHaveProperty('fault');
      expect(harness.observations[0]).toEqual({ kind: 'token_malformed', account });
      expect(await claim(await read(), claimOf('owner-1'))).toBe(true);
      expect(await publish('owner-1', tokenOf('new'))).toBe(true);
      expect((await read()).token).toEqual(tokenOf('new'));
    });

    test("reads no token when the item is another account's", async () => {
      await put(stored('account-0', tokenOf('a')));

      expect((await read()).token).toBeUndefined();
      expect(harness.observations).toContainEqual({ kind: 'token_malformed', account });
    });

    const unsafe: readonly (readonly [string, Row])[] = [
      ['schema', { schema: { N: '2' } }],
      ['schema', { schema: { S: '1' } }],
      ['revision', { revision: { S: 'seven' } }],
      ['revision', { revision: { N: '7.5' } }],
      ['lease_until', { lease_until: { S: 'tomorrow' } }],
      ['retry_at', { retry_at: { BOOL: true } }],
      ['marks', { marks: { S: 'key-1' } }],
    ];

    test.each(unsafe)('reads a fault when the item has an unreadable %s: %j', async (attribute, damage: Row) => {
      await put({ ...stored(account, tokenOf('a')), ...damage });

      expect(await read()).toMatchObject({ fault: attribute });
      expect(harness.observations[0]).toEqual({ kind: 'item_malformed', account });
    });

    test.each(['schema', 'revision'])('reads a fault when the item has no %s', async (attribute) => {
      const { [attribute]: _, ...rest } = stored(account, tokenOf('a'));
      await put(rest);

      expect(await read()).toMatchObject({ fault: attribute });
    });
  });

  describe('a reset', () => {
    /** Returns the time of the table. */
    const tableNow = () => (where === 'in memory' ? now : Date.now());
    const reset = (): Promise<boolean> => write({ kind: 'reset' });

    /** An item with every attribute, whose lease has ended. */
    const used = (): Row => ({
      ...stored(account, tokenOf('a')),
      generation: { N: '3' },
      owner: { S: 'owner-1' },
      lease_until: { N: '0' },
      last_login: { N: String(now) },
      proven: { S: 'key-1' },
      renew_at: { N: String(now + 60_000) },
      marks: { SS: ['key-1', 'key-2'] },
      next_try: { N: String(now + 1) },
      retry_at: { N: String(now + 2) },
      retry_code: { S: 'upstream_rejected' },
      retry_key: { S: 'key-1' },
      failed_answer: { S: 'doubt' },
      failed_counts: { S: 'doubt.4' },
      forced_count: { N: '2' },
      forced_since: { N: String(now) },
      last_error_code: { S: 'upstream_rejected' },
      last_error_at: { N: String(now) },
      paused: { BOOL: true },
      bound_to: { S: 'b'.repeat(64) },
      user_key: { S: 'c'.repeat(64) },
      sends: { S: 'log' },
      budget: { S: 'log' },
    });

    const damages: readonly (readonly [string, Row])[] = [
      ['a schema of a later version', { schema: { N: '2' } }],
      ['a schema that is a text', { schema: { S: '1' } }],
      ['a revision that is a text', { revision: { S: 'seven' } }],
      ['a revision that is not whole', { revision: { N: '7.5' } }],
      ['a revision that is too great', { revision: { N: '1e20' } }],
      ['a lease that is a text', { lease_until: { S: 'tomorrow' } }],
      ['a lease that is further ahead than any lease', { lease_until: { N: '8640000000000000' } }],
      ['a back-off that is a switch', { retry_at: { BOOL: true } }],
      ['rejected credentials that are a text', { marks: { S: 'key-1' } }],
      ['a generation that is a text', { generation: { S: 'three' } }],
      ['two damages', { revision: { S: 'seven' }, retry_at: { S: 'never' } }],
    ];

    test.each(damages)(
      'makes an item with %s readable, and lets an owner claim once its wait is over',
      async (_, damage) => {
        await put({ ...used(), ...damage });
        expect(await reset()).toBe(true);

        const after = await read();
        const startsAt = tableNow();
        expect(after).not.toHaveProperty('fault');
        expect(after).not.toHaveProperty('token');
        expect(after).toMatchObject({ leaseUntil: 0, retryCode: 'renewal_in_progress', paused: true });
        expect(Math.abs((after.retryAt ?? 0) - startsAt - 32_000)).toBeLessThan(3000);
        expect(after.revision).toBeGreaterThan(startsAt - 3000);
        expect(after.generation).toBeGreaterThan(3);
        expect(await claim(after, claimOf('owner-2', after.retryAt))).toBe(true);
      },
    );

    test('keeps what protects the Fegora user and the pause, and removes everything else', async () => {
      await put({ ...used(), retry_at: { S: 'never' } });
      await reset();

      const { account: _a, revision: _r, generation: _g, retry_at: _t, ...left } = await row();
      expect(left).toEqual({
        schema: { N: '1' },
        retry_code: { S: 'renewal_in_progress' },
        marks: { SS: ['key-1', 'key-2'] },
        paused: { BOOL: true },
        user_key: { S: 'c'.repeat(64) },
        sends: { S: 'log' },
        budget: { S: 'log' },
      });
    });

    test('removes what is of another type, also if it protects the user', async () => {
      await put({ ...used(), marks: { S: 'key-1' }, paused: { S: 'true' }, sends: { N: '1' }, logins: { SS: ['1'] } });
      await reset();

      expect(Object.keys(await row()).filter((name) => /marks|paused|sends|logins/.test(name))).toEqual([]);
      expect(await row()).toHaveProperty('user_key');
    });

    test.each([
      ['is readable', () => used()],
      ['is readable and under a lease', () => ({ ...used(), lease_until: { N: String(tableNow() + 15_000) } })],
      ['has only a damaged token', () => ({ ...used(), seal: { S: 'f'.repeat(64) } })],
    ])('refuses an item that %s, and changes nothing', async (_, item) => {
      await put(item());
      const before = await row();

      await expect(reset()).rejects.toMatchObject({
        code: 'invalid_request',
        message: 'the item is readable: nothing to reset',
      });
      expect(await row()).toEqual(before);
    });

    test('refuses when there is no item', async () => {
      await expect(reset()).rejects.toMatchObject({ code: 'invalid_request' });
      expect(await harness.row(account)).toBeUndefined();
    });

    test('refuses until a readable lease ended 2 s ago', async () => {
      const leaseUntil = tableNow() + 10_000;
      await put({ ...used(), marks: { S: 'key-1' }, lease_until: { N: String(leaseUntil) } });
      const error = await reset().catch((thrown: unknown) => thrown);

      expect(error).toMatchObject({ code: 'renewal_in_progress' });
      expect(error instanceof BrokerError && error.retryAfterMs).toBeGreaterThan(9000);
      await put({ ...(await row()), lease_until: { N: String(tableNow() - 4000) } });
      expect(await reset()).toBe(true);
    });

    test('refuses a late publication of the owner before the reset', async () => {
      await held('owner-1');
      await put({ ...(await row()), marks: { S: 'key-1' }, lease_until: { N: '1' } });
      await reset();

      expect(await publish('owner-1', tokenOf('late'))).toBe(false);
    });

    test('lets one of two resets at the same time succeed', async () => {
      await put({ ...used(), revision: { S: 'seven' } });
      const results = await Promise.allSettled([reset(), reset()]);
      const done = results.filter((result) => result.status === 'fulfilled' && result.value);

      // The second one finds the item readable: before its write or after it.
      expect(done.length).toBeGreaterThan(0);
      expect(await read()).not.toHaveProperty('fault');
      await expect(reset()).rejects.toMatchObject({ code: 'invalid_request' });
    });
  });

  describe('promise 6: a write whose answer was lost', () => {
    /** Loses the answers, or the requests, of the next `count` writes. */
    function loseAnswers(count: number, what: 'answer' | 'request' = 'answer'): void {
      let left = count;
      harness.setLoss((operation) => {
        if (operation !== 'UpdateItem' || left === 0) {
          return undefined;
        }
        left -= 1;
        return what;
      });
    }

    // The HTTP adapter tries twice. The second try of a conditional write is refused because the first was made.
    test.each([1, 2])('recognises its claim when %i answers were lost', async (lost) => {
      const asRead = await read();
      loseAnswers(lost);

      expect(await claim(asRead, claimOf('owner-1'))).toBe(true);
      expect(await read()).toMatchObject({ owner: 'owner-1', leaseUntil: now + 15_000 });
    });

    test.each([1, 2])('recognises its publication when %i answers were lost', async (lost) => {
      await held('owner-1');
      loseAnswers(lost);

      expect(await publish('owner-1', tokenOf('a'))).toBe(true);
      expect((await read()).token).toEqual(tokenOf('a'));
    });

    test.each([1, 2])('recognises its failure when %i answers were lost', async (lost) => {
      await held('owner-1');
      loseAnswers(lost);
      const error = { code: 'upstream_unavailable', at: now } as const;

      expect(await write({ kind: 'fail', owner: 'owner-1', endLease: true, error, backoff })).toBe(true);
      expect(await read()).toMatchObject({ leaseUntil: 0, retryAt: backoff.retryAt });
    });

    test.each([1, 2])('recognises that it ended the lease when %i answers were lost', async (lost) => {
      await held('owner-1');
      loseAnswers(lost);

      expect(await write({ kind: 'fail', owner: 'owner-1', endLease: true })).toBe(true);
      expect((await read()).leaseUntil).toBe(0);
    });

    test.each([1, 2])('recognises its rejection when %i answers were lost', async (lost) => {
      loseAnswers(lost);

      expect(await write({ kind: 'reject', key: 'key-1' })).toBe(true);
      expect((await read()).rejectedCredentials).toEqual(new Set(['key-1']));
    });

    test('refuses a claim when its answer was lost and another owner claimed before', async () => {
      const asRead = await read();
      await held('owner-2');
      loseAnswers(2);

      expect(await claim(asRead, claimOf('owner-1'))).toBe(false);
    });

    test('answers table_unavailable, not refused, when a claim never arrived', async () => {
      const asRead = await read();
      loseAnswers(2, 'request');

      await expect(claim(asRead, claimOf('owner-1'))).rejects.toMatchObject({ code: 'table_unavailable' });
      expect(await harness.row(account)).toBeUndefined();
    });

    const lostRequests: readonly (readonly [string, () => Change])[] = [
      [
        'publication',
        () => ({
          kind: 'publish',
          owner: 'owner-1',
          token: tokenOf('a'),
          key: 'key-1',
          at: now,
          sends: [],
          isSlow: false,
          loginMs: 700,
          isOtherUser: false,
        }),
      ],
      [
        'failure',
        () => ({ kind: 'fail', owner: 'owner-1', endLease: true, error: { code: 'internal', at: now }, backoff }),
      ],
      ['lease end', () => ({ kind: 'fail', owner: 'owner-1', endLease: true })],
      ['rejection', () => ({ kind: 'reject', key: 'key-1' })],
      ['pause', () => ({ kind: 'pause' })],
    ];

    test.each(lostRequests)(
      'answers table_unavailable when a %s never arrived, and makes it at the next try',
      async (_, change) => {
        await held('owner-1');
        const before = await row();
        loseAnswers(2, 'request');

        await expect(write(change())).rejects.toMatchObject({ code: 'table_unavailable' });
        expect(await row()).toEqual(before);
        harness.setLoss(() => undefined);
        expect(await write(change())).toBe(true);
      },
    );

    test('answers table_unavailable when the answer was lost and the read after it fails too', async () => {
      const asRead = await read();
      harness.setLoss(() => 'answer');

      await expect(claim(asRead, claimOf('owner-1'))).rejects.toMatchObject({ code: 'table_unavailable' });
      await expect(write({ kind: 'reject', key: 'key-1' })).rejects.toMatchObject({ code: 'table_unavailable' });
      await expect(read()).rejects.toMatchObject({ code: 'table_unavailable' });
    });
  });

  test('answers table_unavailable when there is no answer in time', async () => {
    const late = AbortSignal.abort();

    await expect(table.read(account, late)).rejects.toMatchObject({ code: 'table_unavailable' });
    await expect(table.claim(await read(), claimOf('owner-1'), late)).rejects.toBeInstanceOf(BrokerError);
    expect(await harness.row(account)).toBeUndefined();
  });
});

describe('errors of DynamoDB', () => {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };

  test('answers configuration when the table does not exist', async () => {
    const call = createCallDynamo({ region: 'us-east-1', endpoint: dynalite.url, keys: () => credentials }, realTime);
    const table = createTokenTable(call, 'no-such-table', () => {});

    await expect(table.read('main', never)).rejects.toMatchObject({ code: 'configuration' });
  });

  test.each([
    ['AccessDeniedException', 'configuration'],
    ['ResourceNotFoundException', 'configuration'],
    ['ProvisionedThroughputExceededException', 'table_unavailable'],
    ['InternalServerError', 'table_unavailable'],
    ['TimeoutError', 'table_unavailable'],
  ])('maps the error %s to %s', async (name, code) => {
    const failing = () => Promise.reject(Object.assign(new Error('text that goes nowhere'), { name }));
    const table = createTokenTable(failing, 'tokens', () => {});

    await expect(table.read('main', never)).rejects.toMatchObject({ code, message: `DynamoDB: ${name}` });
  });

  test.each([
    ['a string', 'odd'],
    ['an object that is not an Error', { name: 'AccessDeniedException' }],
    ['a name with text after it', Object.assign(new Error(), { name: 'AccessDeniedException: of whom' })],
    ['a name with text before it', Object.assign(new Error(), { name: 'of whom: AccessDeniedException' })],
    ['a name that is too long', Object.assign(new Error(), { name: 'A'.repeat(65) })],
  ])('answers table_unavailable without the name of the error when DynamoDB throws %s', async (_, thrown) => {
    const table = createTokenTable(
      () => Promise.reject(thrown),
      'tokens',
      () => {},
    );

    await expect(table.read('main', never)).rejects.toMatchObject({
      code: 'table_unavailable',
      message: 'DynamoDB: unknown',
      cause: thrown,
    });
  });

  test.each([undefined, null, 'text', {}])('reads an empty item when the answer has no item (%j)', async (output) => {
    const table = createTokenTable(
      async () => ({ output }),
      'tokens',
      () => {},
    );

    expect(await table.read('main', never)).toMatchObject({ item: { revision: 0 } });
    expect(await table.read('main', never)).not.toHaveProperty('at');
  });
});

describe('requests and conclusions of the adapter', () => {
  const account = 'main';
  const mine = tokenOf('mine');

  /** Returns a table that never answers writes and whose item is `row`. */
  function unansweredOver(row: Row | undefined): TokenTable {
    return createTokenTable(
      async (operation) => {
        if (operation === 'UpdateItem') {
          throw Object.assign(new Error('no answer'), { name: 'TimeoutError' });
        }
        return { output: { Item: row } };
      },
      'tokens',
      () => {},
    );
  }

  test('reads the one item of the one table with strong consistency', async () => {
    const inputs: unknown[] = [];
    const table = createTokenTable(
      async (operation, input) => {
        inputs.push([operation, input]);
        return { output: {} };
      },
      'tokens',
      () => {},
    );
    await table.read(account, never);
    await table.write(account, { kind: 'pause' }, never);

    expect(inputs).toEqual([
      ['GetItem', { TableName: 'tokens', Key: { account: { S: 'main' } }, ConsistentRead: true }],
      ['UpdateItem', expect.objectContaining({ TableName: 'tokens', Key: { account: { S: 'main' } } })],
    ]);
  });

  const published: Row = { ...stored(account, mine), owner: { S: 'owner-1' }, lease_until: { N: '0' } };
  const publication: Change = {
    kind: 'publish',
    owner: 'owner-1',
    token: mine,
    key: 'key-1',
    at: now,
    sends: [],
    isSlow: false,
    loginMs: 700,
    isOtherUser: false,
  };
  const failed: Row = {
    schema: { N: '1' },
    revision: { N: '3' },
    owner: { S: 'owner-1' },
    lease_until: { N: '0' },
    retry_at: { N: String(backoff.retryAt) },
    last_error_code: { S: 'upstream_unavailable' },
    last_error_at: { N: String(now) },
  };
  const failure: Change = {
    kind: 'fail',
    owner: 'owner-1',
    endLease: true,
    error: { code: 'upstream_unavailable', at: now },
    backoff,
  };
  const marked: Row = { schema: { N: '1' }, revision: { N: '3' }, marks: { SS: ['key-1'] } };
  const paused: Row = { schema: { N: '1' }, revision: { N: '3' }, paused: { BOOL: true } };
  const { access_token: _, ...tokenless } = published;

  test.each([
    ['a publication', publication, published],
    ['a failure', failure, failed],
    ['a rejection', { kind: 'reject', key: 'key-1' } as const, marked],
  ])('recognises %s when the item has all values that it writes', async (_name, change, row) => {
    expect(await unansweredOver(row).write(account, change, never)).toBe(true);
  });

  test.each([
    ['a publication by another owner', publication, { ...published, owner: { S: 'owner-2' } }],
    ['a publication under a lease', publication, { ...published, lease_until: { N: String(now) } }],
    ['a publication of another token', publication, { ...published, ...stored(account, tokenOf('other')) }],
    ['a publication without a token', publication, tokenless],
    ['a failure of another owner', failure, { ...failed, owner: { S: 'owner-2' } }],
    ['a failure under a lease', failure, { ...failed, lease_until: { N: String(now) } }],
    ['a failure of another time', failure, { ...failed, last_error_at: { N: String(now - 1) } }],
    ['a failure without a time', failure, { ...failed, last_error_at: { S: 'never' } }],
    ['a failure with another back-off', failure, { ...failed, retry_at: { N: String(now) } }],
    ['a rejection of another version', { kind: 'reject', key: 'key-2' } as const, marked],
    // The item may already have had an operator's change before the write.
    ['a pause', { kind: 'pause' } as const, paused],
    ['a change without an item', failure, undefined],
  ])('does not recognise %s as its own write and answers table_unavailable', async (_name, change, row) => {
    await expect(unansweredOver(row).write(account, change, never)).rejects.toMatchObject({
      code: 'table_unavailable',
    });
  });
});

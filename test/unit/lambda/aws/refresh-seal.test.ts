// What is written and read of a refresh token (lambda/aws/refresh-seal.ts, item-record.ts, item-update.ts).
import { describe, expect, test } from 'vitest';
import { emptyItem, parseRecord } from '../../../../lambda/aws/item-record.ts';
import { resetUpdate } from '../../../../lambda/aws/item-reset.ts';
import { changeUpdate, claimUpdate } from '../../../../lambda/aws/item-update.ts';
import { refreshSeal } from '../../../../lambda/aws/refresh-seal.ts';
import type { Change, Claim } from '../../../../lambda/broker/ports.ts';
import { fingerprint, type Token } from '../../../../lambda/broker/token.ts';

const now = 1_768_478_400_000;
const accessToken = 'not-a-real-token';
const refreshToken = 'not-a-real-refresh';
const name = { accessToken, fingerprint: fingerprint(accessToken) };
const token: Token = { ...name, issuedAt: now, lifetimeMs: 1_800_000, versionId: 'v1' };
const sealed = { account: 'main', refreshToken, token, tokenUser: 'user-1', generation: 3, binding: 'here' };
const claim: Claim = { owner: 'o', now, leaseUntil: now + 15_000, dropToken: false, sends: [], logins: [] };
const publication: Extract<Change, { kind: 'publish' }> = {
  ...{ kind: 'publish', owner: 'o', token, at: now, sends: [], isSlow: false, loginMs: 7, isOtherUser: false },
  tokenUser: 'user-1',
  refresh: { token: refreshToken, generation: 3 },
};

/** The item that a publication leaves behind, with these attributes changed. */
function recordWith(changed: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const values = changeUpdate('main', publication, 'here').ExpressionAttributeValues;
  const set = Object.entries(values).map(([key, value]) => [key.slice(1), value]);
  return { ...Object.fromEntries(set), revision: { N: '9' }, generation: { N: '3' }, ...changed };
}

const removed = (update: string) => (/ REMOVE (.*)$/.exec(update)?.[1] ?? '').split(', ');

describe('a refresh token in the item', () => {
  test('is read as it was published, with the version of the secret that its chain began with', () => {
    const { item } = parseRecord('main', recordWith(), 'here');

    expect(item).toMatchObject({ refresh: 'held', refreshToken: { text: refreshToken, versionId: 'v1' } });
  });

  test('stays usable when the token that came with it was removed', () => {
    const { access_token: _, seal: __, bound_to: ___, ...rest } = recordWith();

    expect(parseRecord('main', rest, 'here').item).toMatchObject({ refreshToken: { text: refreshToken } });
  });

  test.for([
    ['another login has followed', { issued_at: { N: String(now + 1) } }],
    ['its lifetime was changed', { lifetime_ms: { N: '1800001' } }],
    ['another version of the secret has logged in', { version_id: { S: 'v2' } }],
    ['another user has logged in', { token_user: { S: 'user-2' } }],
    ['an older version of the function purged the account', { generation: { N: '4' } }],
    ['it was changed', { refresh_token: { S: 'not-a-real-refresh-2' } }],
    ['its seal is missing', { refresh_seal: undefined }],
    ['its seal is of another type', { refresh_seal: { N: '7' } }],
    ['the times of its token are missing', { issued_at: undefined }],
  ] as const)('is held and not usable when %s', ([, changed]) => {
    const { item } = parseRecord('main', recordWith(changed), 'here');

    expect(item.refresh).toBe('held');
    expect(item).not.toHaveProperty('refreshToken');
  });

  test('is not usable with other settings, or for another account', () => {
    expect(parseRecord('main', recordWith(), 'there').item).not.toHaveProperty('refreshToken');
    expect(parseRecord('other', recordWith(), 'here').item).not.toHaveProperty('refreshToken');
  });

  test('counts as taken when only its seal is there, and as nothing when neither is', () => {
    const { refresh_token: _, ...taken } = recordWith();
    const { refresh_seal: __, ...none } = taken;

    expect(parseRecord('main', taken, 'here').item.refresh).toBe('taken');
    expect(parseRecord('main', none, 'here').item).not.toHaveProperty('refresh');
  });

  test('has a seal that does not depend on where one part ends and the next begins', () => {
    const seals = [
      refreshSeal({ ...sealed, tokenUser: undefined }),
      refreshSeal(sealed),
      refreshSeal({ ...sealed, account: 'mainn', refreshToken: refreshToken.slice(1) }),
    ];

    expect(new Set(seals).size).toBe(3);
    expect(seals.every((seal) => /^[0-9a-f]{64}$/.test(seal))).toBe(true);
  });
});

describe('the writes', () => {
  const item = { ...emptyItem('main'), revision: 9 };

  test('a claim that takes the refresh token leaves its seal, and one that drops it leaves nothing', () => {
    expect(removed(claimUpdate(item, { ...claim, refresh: 'take' }).UpdateExpression)).toEqual(['#refresh_token']);
    const dropped = claimUpdate(item, { ...claim, refresh: 'drop' }).UpdateExpression;
    expect(removed(dropped)).toEqual(['#refresh_token', '#refresh_seal']);
    expect(claimUpdate(item, claim).UpdateExpression).not.toContain('refresh');
  });

  test('a login that was not sent puts the refresh token back', () => {
    const refresh = { token: refreshToken, generation: 0 };
    const update = changeUpdate('main', { kind: 'fail', owner: 'o', endLease: true, refresh });

    expect(update.ExpressionAttributeValues).toMatchObject({ ':refresh_token': { S: refreshToken } });
    expect(update.ConditionExpression).toBe('#owner = :holder AND attribute_not_exists(#generation)');
    const without = changeUpdate('main', { kind: 'fail', owner: 'o', endLease: true });
    expect(JSON.stringify(without)).not.toContain('refresh');
  });

  test.for([
    [false, 3, '3'],
    [true, 4, '3'],
  ] as const)(
    'a publication stores a refresh token only in the generation of its claim (of another user: %s)',
    ([isOtherUser, generation, claimedIn]) => {
      const refresh = { token: refreshToken, generation };
      const update = changeUpdate('main', { ...publication, isOtherUser, refresh });

      expect(update.ConditionExpression).toBe('#owner = :holder AND #generation = :claimed_in');
      expect(update.ExpressionAttributeValues).toMatchObject({
        ':claimed_in': { N: claimedIn },
        ':holder': { S: 'o' },
      });
      const first = changeUpdate('main', {
        ...publication,
        isOtherUser,
        refresh: { ...refresh, generation: generation - 3 },
      });
      expect(first.ConditionExpression).toBe('#owner = :holder AND attribute_not_exists(#generation)');
      const without = changeUpdate('main', { ...publication, isOtherUser, refresh: 'none' });
      expect(without.ConditionExpression).toBe('#owner = :holder');
    },
  );

  test('a publication by refresh leaves what is known of the password', () => {
    const { UpdateExpression: text } = changeUpdate('main', publication, 'here');

    expect(text).not.toMatch(/proven|marks|next_try|retry_key/);
    const { UpdateExpression: byPassword } = changeUpdate('main', { ...publication, key: 'k' }, 'here');
    expect(byPassword).toMatch(/#proven = :proven.*#next_try, #retry_key, .*DELETE #marks :marks/);
  });

  test('a publication without a refresh token removes the one before it, if there was one', () => {
    const { refresh: _, ...plain } = publication;

    expect(changeUpdate('main', { ...plain, refresh: 'none' }).UpdateExpression).toMatch(
      /#refresh_token, #refresh_seal/,
    );
    expect(JSON.stringify(changeUpdate('main', plain))).not.toContain('refresh');
  });

  const retire = { kind: 'retire', revision: 9, retryAt: now } as const;

  test.for([{ kind: 'purge' }, { kind: 'revoke' }, { kind: 'pause' }, retire] as const)(
    '«$kind» removes the refresh token and its seal',
    (change) => {
      const gone = removed(changeUpdate('main', change).UpdateExpression);

      expect(gone).toEqual(expect.arrayContaining(['#refresh_token', '#refresh_seal']));
    },
  );

  test('a reset removes the refresh token and its seal', () => {
    const broken = recordWith({ schema: { N: '2' }, lease_until: { N: '0' } });

    expect(resetUpdate('main', broken, now + 60_000).UpdateExpression).toMatch(/#refresh_token, #refresh_seal/);
  });
});

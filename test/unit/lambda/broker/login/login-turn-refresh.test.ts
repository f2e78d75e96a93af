// Which grant a turn sends, and what it falls back to (lambda/broker/login/login-turn.ts).
import { describe, expect, test } from 'vitest';
import { credentialKey, type Item } from '../../../../../lambda/broker/item.ts';
import { BrokerError } from '../../../../../lambda/errors.ts';
import { issued, ownUser, turnScene } from '../../../../support/core/login-turn.ts';

const refreshToken = { text: 'not-a-real-refresh', versionId: 'v1' };
const held = { refresh: 'held', refreshToken, tokenUser: ownUser } as const;
const byRefresh = { grant: 'refresh_token' } as const;

function sceneWith(item: Partial<Item>, scene: Parameters<typeof turnScene>[0] = {}) {
  return turnScene({ item: { ...held, ...item }, decision: byRefresh, ...scene });
}

const claimedRefresh = ({ claims }: ReturnType<typeof turnScene>) => claims[0]?.claim.refresh;

describe('a turn that is to send the refresh token', () => {
  test('takes it when it is of the user and the version of the secret', async () => {
    const scene = sceneWith({});
    await scene.turn();

    expect(claimedRefresh(scene)).toBe('take');
    expect(scene.used.sent).toMatchObject([{ refreshToken: refreshToken.text }]);
    expect(scene.written()).toMatchObject([{ kind: 'publish', refresh: 'none' }]);
    expect(scene.written()[0]).not.toHaveProperty('key');
  });

  test.for([
    ['another user', { tokenUser: 'another' }],
    ['no user', { tokenUser: undefined }],
    ['another version', { refreshToken: { ...refreshToken, versionId: 'v0' } }],
  ] as const)('sends the password, and drops the refresh token, when that is of %s', async ([, item]) => {
    const { tokenUser, ...rest } = { tokenUser: ownUser as string | undefined, ...item };
    const { tokenUser: _, ...base } = held;
    const user = tokenUser === undefined ? {} : { tokenUser };
    const scene = turnScene({ item: { ...base, ...user, ...rest }, decision: byRefresh });
    await scene.turn();

    expect(claimedRefresh(scene)).toBe('drop');
    expect(scene.claims[0]?.claim.sends).toHaveLength(1);
  });

  test('sends no password in its place when that may not be sent', async () => {
    const passwordBlock = new BrokerError('too_many_refusals', 'resting');
    const scene = sceneWith({ tokenUser: 'another' }, { decision: { ...byRefresh, passwordBlock } });

    expect(await scene.turn()).toBe(passwordBlock);
    expect(scene.claims).toEqual([]);
  });

  test('sends no refresh token when the account gets a new user', async () => {
    const bindUser = async () => ({ account: 'main' });
    const users = { read: () => Promise.reject(new Error('unused')), write: async () => true, bindUser };
    const scene = turnScene({ item: held, isUnbound: true, decision: byRefresh, ports: { users } });
    await scene.turn();

    expect(scene.claims[0]?.claim).toMatchObject({ newUser: ownUser, refresh: 'drop' });
  });

  test('sends no refresh token when neither the account nor the refresh token has a user yet', async () => {
    const users = {
      read: () => Promise.reject(new Error('unused')),
      write: async () => true,
      bindUser: async () => ({ account: 'main' }),
    };
    const { tokenUser: _, ...unnamed } = held;
    const scene = turnScene({ item: unnamed, isUnbound: true, decision: byRefresh, ports: { users } });
    await scene.turn();

    expect(scene.claims[0]?.claim.sends).toHaveLength(1);
    expect(claimedRefresh(scene)).not.toBe('take');
  });

  test('does not let a refresh token stand for a rejected password that would be sent', async () => {
    const key = credentialKey('v1', 'apiApp', 'https://fegora.invalid/token');
    const item = { ...held, rejectedCredentials: new Set([key]) };
    const forced = turnScene({ item, decision: { isForced: true } });
    const renewed = turnScene({ item, decision: byRefresh });

    expect(await forced.turn()).toMatchObject({ code: 'credentials_rejected' });
    expect(forced.claims).toEqual([]);
    await renewed.turn();
    expect(claimedRefresh(renewed)).toBe('take');
  });

  test('asks for the secret past the cache once when the one in memory is another version', async () => {
    const scene = sceneWith({ refreshToken: { ...refreshToken, versionId: 'v2' } });
    await scene.turn();

    expect(scene.steps.filter((step) => step.startsWith('secret'))).toEqual(['secret', 'secret past the cache']);
  });

  test('keeps it for a login with the password that was forced', async () => {
    const scene = turnScene({ item: held, decision: { isForced: true } });
    await scene.turn();

    expect(scene.claims[0]?.claim).not.toHaveProperty('refresh');
    expect(scene.used.sent[0]).not.toHaveProperty('refreshToken');
  });
});

describe('what is observed', () => {
  test('names the grant in refresh mode only', async () => {
    const plain = turnScene({});
    await plain.turn();
    const refreshing = sceneWith({}, { ports: { renewWith: 'refresh_token' } });
    await refreshing.turn();

    const byPassword = turnScene({ ports: { renewWith: 'refresh_token' } });
    await byPassword.turn();

    expect(byPassword.observed).toEqual([{ kind: 'login', outcome: 'issued', ms: 500, grant: 'password' }]);
    expect(plain.observed).toEqual([{ kind: 'login', outcome: 'issued', ms: 500 }]);
    expect(refreshing.observed).toEqual([{ kind: 'login', outcome: 'issued', ms: 500, grant: 'refresh_token' }]);
  });

  test('names the grant of a login whose connection failed', async () => {
    const error = new BrokerError('upstream_tls', 'detail');
    const unconnected = { kind: 'failed', error, reached: 'no', answer: 'upstream_tls' } as const;
    const scene = sceneWith({}, { unconnected, ports: { renewWith: 'refresh_token' } });
    await scene.turn();

    expect(scene.observed[0]).toEqual({ kind: 'login', outcome: 'upstream_tls', ms: 0, grant: 'refresh_token' });
  });

  test('has no failure of the account when a refresh is refused', async () => {
    const error = new BrokerError('credentials_rejected', 'detail');
    const outcome = { kind: 'failed', error, reached: 'answered', answer: 'invalid_grant' } as const;
    const scene = sceneWith({}, { outcome });

    expect(await scene.turn()).toMatchObject({ againAt: expect.any(Number) });
    expect(scene.observed).toEqual([{ kind: 'login', outcome: 'refresh_refused', ms: 500 }]);
    expect(scene.written()).toMatchObject([{ kind: 'fail', endLease: true }]);
  });

  test('has no token of a refresh in what is returned', async () => {
    const scene = sceneWith({}, { outcome: { ...issued, refreshToken: 'not-a-real-refresh-2' } as typeof issued });

    expect(JSON.stringify(await scene.turn())).not.toContain('refresh');
    expect(scene.written()).toMatchObject([{ refresh: { token: 'not-a-real-refresh-2', generation: 4 } }]);
  });
});

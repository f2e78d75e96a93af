// Tests one try to log in: what comes before the claim and what the call gets (lambda/broker/login/login-turn.ts).
import { describe, expect, test } from 'vitest';
import { noUser } from '../../../../../lambda/broker/item.ts';
import type { AccountPorts } from '../../../../../lambda/broker/ports.ts';
import { BrokerError, type ErrorCode } from '../../../../../lambda/errors.ts';
import { credentials, failedLogin, itemWith, noon, tokenWith } from '../../../../support/core/login-order.ts';
import { ownUser, type TurnScene, turnScene } from '../../../../support/core/login-turn.ts';

const unusedUsers = {
  read: () => Promise.reject(new Error('unused')),
  write: () => Promise.reject(new Error('unused')),
};
const bound: AccountPorts['users'] = { ...unusedUsers, bindUser: async () => ({ account: 'main' }) };
const seen = { wall: noon, monotonic: 0 };
const token = tokenWith(noon - 60_000);
const served = { generation: 4, seen, source: 'shared', isShared: true };

describe('the order of the steps', () => {
  const rejectedAt = (at: number) => ({ lastError: { code: 'credentials_rejected', at } as const });
  const together = ['connect', 'secret', 'claim'];
  const later = ['secret', 'connect', 'claim'];
  const cases: readonly (readonly [string, TurnScene['item'], string[]])[] = [
    ['connects while the secret is read when the account never failed', {}, together],
    ['connects later when the password was refused since the latest login', { ...rejectedAt(2), lastLogin: 1 }, later],
    ['connects later when the password was refused and none ever worked', rejectedAt(1), later],
    ['connects at once when a login came after the refusal', { ...rejectedAt(1), lastLogin: 1 }, together],
    ['connects at once when the latest failure was another', { lastError: { code: 'deadline', at: 2 } }, together],
  ];

  test.each(cases)('%s', async (_, item, steps) => {
    const scene = turnScene({ ...(item && { item }) });
    await scene.turn();

    expect(scene.steps).toEqual(steps);
  });

  test('connects later when the account has let go of its user', async () => {
    const scene = turnScene({ item: { userKey: noUser }, ports: { users: bound } });
    await scene.turn();

    expect(scene.steps).toEqual(['secret', 'secret past the cache', 'connect', 'claim']);
  });

  test('connects later when the user was found with another account, and forgets that when it is not any more', async () => {
    const scene = turnScene();
    scene.state.isDuplicate = true;
    await scene.turn();

    expect(scene.steps).toEqual(later);
    expect(scene.state.isDuplicate).toBe(false);
  });

  test('asks past the cache at once when the call verifies the secret', async () => {
    const scene = turnScene({ goal: { kind: 'verify' } });
    await scene.select();
    await scene.turn();

    expect(scene.steps).toEqual(['secret past the cache', 'connect', 'secret past the cache', 'claim']);
  });

  test('uses the secret as it is now when the cached one names another user than the account has', async () => {
    const readCredentials: AccountPorts['readCredentials'] = async ({ past }) =>
      past ? { ...credentials, versionId: 'v2' } : { ...credentials, username: 'other' };
    const scene = turnScene({ ports: { readCredentials } });

    expect(await scene.turn()).toMatchObject({ token: { versionId: 'v2' } });
    expect(scene.steps).toEqual(['connect', 'secret', 'secret past the cache', 'claim']);
  });

  test('does not ask past the cache when the account has no user yet', async () => {
    const scene = turnScene({ isUnbound: true, ports: { users: bound } });
    await scene.turn();

    expect(scene.steps).toEqual(together);
    expect(scene.claims[0]?.claim.newUser).toBe(ownUser);
  });
});

describe('a turn that makes no login', () => {
  const failing = (code: ErrorCode) => () => Promise.reject(new BrokerError(code, 'detail'));

  test('closes its connection and returns the error when the secret cannot be read', async () => {
    const scene = turnScene({ current: token, ports: { readCredentials: failing('secret_missing') } });

    expect(await scene.turn()).toMatchObject({ code: 'secret_missing' });
    expect(scene.steps).toEqual(['connect', 'secret']);
    expect(scene.used.closed).toBe(1);
    expect(scene.announced).toEqual([]);
  });

  test('returns the error of the second look when the cached secret names another user', async () => {
    const readCredentials: AccountPorts['readCredentials'] = ({ past }) =>
      past ? failing('secret_unavailable')() : Promise.resolve({ ...credentials, username: 'other' });
    const scene = turnScene({ ports: { readCredentials } });

    expect(await scene.turn()).toMatchObject({ code: 'secret_unavailable' });
    expect(scene.claims).toEqual([]);
  });

  test('returns duplicate_user, and remembers it, when the user belongs to another account', async () => {
    const read: AccountPorts['users']['read'] = async () => ({ item: itemWith({ account: 'other' }) });
    const users = { ...bound, read, bindUser: async () => ({ account: 'other' }) };
    const scene = turnScene({ isUnbound: true, ports: { users } });

    expect(await scene.turn()).toMatchObject({ code: 'duplicate_user' });
    expect(scene.state.isDuplicate).toBe(true);
    expect(scene.steps).toEqual(['connect', 'secret']);
    expect(scene.used.closed).toBe(1);
  });

  test('forgets that the user was found with another account when the secret cannot be read', async () => {
    const scene = turnScene({ ports: { readCredentials: failing('secret_missing') } });
    scene.state.isDuplicate = true;
    await scene.turn();

    expect(scene.state.isDuplicate).toBe(false);
    expect(scene.steps).toEqual(['secret']);
  });

  test('reads the item again when it inherits what another account knew of the user', async () => {
    const read: AccountPorts['users']['read'] = async () => ({ item: itemWith({ account: 'before' }) });
    const users = { ...bound, read, bindUser: async () => ({ account: 'main', from: 'before' }) };
    const scene = turnScene({ isUnbound: true, ports: { users } });

    expect(await scene.turn()).toEqual({ againAt: noon });
    expect(scene.written()).toMatchObject([{ kind: 'inherit', revision: 7, newUser: ownUser }]);
    expect(scene.claims).toEqual([]);
  });

  test('returns the stored token when a verification finds that its version has logged in', async () => {
    const scene = turnScene({ goal: { kind: 'verify' }, item: { token }, current: token });

    expect(await scene.turn()).toStrictEqual({ ...served, token });
    expect(scene.claims).toEqual([]);
    expect(scene.announced).toEqual([]);
  });

  test.each([
    ['a verification finds a token of another version', 'verify', tokenWith(noon, { versionId: 'v0' })],
    ['a verification finds no token', 'verify', undefined],
    ['another call finds a token of this version', 'serve', token],
  ] as const)('is none of these: it logs in when %s', async (_, kind, stored) => {
    const scene = turnScene({ goal: { kind }, item: { ...(stored && { token: stored }) } });

    expect(await scene.turn()).toMatchObject({ source: 'upstream' });
    expect(scene.steps.at(-1)).toBe('claim');
  });
});

describe('a connection that cannot be made', () => {
  const unconnected = failedLogin('upstream_tls', { reached: 'no' });
  const at = noon + 700;
  const unreachable = {
    ...{ kind: 'unreachable', revision: 7, error: { code: 'upstream_tls', at } },
    backoff: { retryAt: at + 5625, code: 'upstream_tls', answer: 'upstream_tls', failures: {} },
  };

  test.each([
    ['done', false, unreachable],
    ['down', false, unreachable],
    ['done', true, { ...unreachable, renewAt: at + 60_000 }],
  ] as const)(
    'is told to all without a claim when the table is %s (ahead of need: %s)',
    async (answer, isBackground, written) => {
      const decision = { isBackground };
      const scene = turnScene({ unconnected, connectMs: 700, answers: [answer], current: token, decision });

      expect(await scene.turn()).toMatchObject({ code: 'upstream_tls', retryAfterMs: 5625 });
      expect(scene.written()).toStrictEqual([written]);
      expect(scene.observed).toEqual([
        { kind: 'login', outcome: 'upstream_tls', ms: 0 },
        { kind: 'failed', code: 'upstream_tls' },
      ]);
      expect(scene.claims).toEqual([]);
      expect(scene.used.closed).toBe(0);
    },
  );
});

describe('what calls that joined are told before a login', () => {
  const probed = new BrokerError('upstream_unavailable', 'probed');

  test('is the stored token when it is servable', async () => {
    const scene = turnScene({ current: token });
    await scene.turn();

    expect(scene.announced).toStrictEqual([{ ...served, token }]);
  });

  test('is the failure that the login probes when there is no token', async () => {
    const scene = turnScene({ decision: { probed } });
    await scene.turn();

    expect(scene.announced).toStrictEqual([{ ...served, failure: probed }]);
  });

  test('is not needed for the login when no call can join', async () => {
    const scene = turnScene({ current: token, isJoinable: false });

    expect(await scene.turn()).toMatchObject({ source: 'upstream' });
  });

  test('is nothing when they must wait for the login', async () => {
    const scene = turnScene();
    await scene.turn();

    expect(scene.announced).toEqual([]);
  });
});

describe('the login that a turn makes', () => {
  test.each([
    ['the caller when its report forces the login', true, { caller: '0a1b2c3d' }, '0a1b2c3d'],
    ['no caller when the report that forces the login names none', true, {}, ''],
    ['no caller when no report forces the login', false, { caller: '0a1b2c3d' }, ''],
  ] as const)('is counted for %s', async (_, isForced, goal, tag) => {
    const scene = turnScene({ goal, decision: { isForced } });
    await scene.turn();

    expect(scene.claims[0]?.claim.logins).toEqual([{ at: noon, tag }]);
  });

  test('leaves no timer, ends its time for connecting and closes its connection when it has ended', async () => {
    const scene = turnScene();

    expect(await scene.turn()).toMatchObject({ source: 'upstream', generation: 4, isShared: true });
    expect(await scene.pending()).toBe(0);
    expect(scene.connecting.map(({ aborted }) => aborted)).toEqual([true]);
    expect(scene.used.closed).toBe(1);
  });

  test('is observed as budget_half_used when half of the hour was used before it', async () => {
    const logins = (count: number) => Array.from({ length: count }, () => ({ at: noon - 1, tag: '' }));
    const observedAfter = async (item: TurnScene['item']) => {
      const scene = turnScene({ ...(item && { item }) });
      await scene.turn();
      return scene.observed.slice(1);
    };

    expect(await observedAfter({ logins: logins(6) })).toEqual([{ kind: 'budget_half_used' }]);
    expect(await observedAfter({ logins: logins(5) })).toEqual([]);
    expect(await observedAfter({ logins: logins(6), lifetimeMs: 60_000 })).toEqual([]);
  });

  test('returns the error with its wait when Fegora is down', async () => {
    const scene = turnScene({ outcome: failedLogin('upstream_unavailable') });

    expect(await scene.turn()).toMatchObject({ code: 'upstream_unavailable', retryAfterMs: 5625 });
  });

  test('reads the item again at once when Fegora refused the password', async () => {
    const scene = turnScene({ outcome: failedLogin('credentials_rejected', { answer: 'invalid_grant' }) });

    expect(await scene.turn()).toEqual({ againAt: noon + 500 });
  });

  test('reads the item again at once when it was withheld', async () => {
    const scene = turnScene({ outcome: { kind: 'withheld' } });

    expect(await scene.turn()).toEqual({ againAt: noon + 500 });
  });
});

describe('a claim that another environment was faster with', () => {
  const lost = (scene: TurnScene) => turnScene({ answers: ['refused'], ...scene }).turn();
  const waiting = { againAt: Number.POSITIVE_INFINITY, isCrowded: false };

  test('makes the call wait for the other login when it has no token, or one that is too short', async () => {
    expect(await lost({})).toEqual(waiting);
    expect(await lost({ current: token, goal: { minValidityMs: 3_600_000 } })).not.toHaveProperty('againAt');
    expect(await lost({ current: tokenWith(noon - 2_400_000), goal: { minValidityMs: 1_200_001 } })).toEqual(waiting);
  });

  test('promise 63: says that very many may wait when the claim was throttled', async () => {
    expect(await lost({ answers: ['throttled'] })).toEqual({ ...waiting, isCrowded: true });
  });

  test('leaves the stored token to the call when it has one', async () => {
    expect(await lost({ current: token })).toStrictEqual({ ...served, token });
  });

  test('says so when the call is a verification', async () => {
    expect(await lost({ current: token, goal: { kind: 'verify' } })).toMatchObject({
      ...{ token, failure: { code: 'renewal_in_progress' } },
    });
  });
});

describe('an open account', () => {
  const unknown = () => Promise.reject(new BrokerError('unknown_account', 'no secret'));
  const isOpen = (account: string) => account === 'main';

  test('connects to Fegora only once its secret was read when it has no item, because it may not exist', async () => {
    const stepsWith = async (scene: TurnScene) => {
      const { turn, steps } = turnScene({ ...scene, isUnbound: true });
      await turn();
      return steps;
    };
    const ports = { users: bound };

    expect(await stepsWith({ item: { revision: 0, generation: 0 }, ports: { ...ports, isOpen } })).toEqual([
      'secret',
      'connect',
      'claim',
    ]);
    expect(await stepsWith({ item: { revision: 7, generation: 0 }, ports: { ...ports, isOpen } })).toEqual([
      'connect',
      'secret',
      'claim',
    ]);
    expect(await stepsWith({ item: { revision: 0 }, ports })).toEqual(['connect', 'secret', 'claim']);
  });

  test('asks past the cache once when its item was purged or paused since its secret was looked at', async () => {
    const reads: boolean[] = [];
    const readWith = (error?: BrokerError): AccountPorts['readCredentials'] => {
      return async ({ past }) => {
        reads.push(past);
        return error === undefined ? credentials : Promise.reject(error);
      };
    };
    const ports = { isOpen, readCredentials: readWith() };
    const twice = async (scene: TurnScene) => {
      reads.length = 0;
      const { turn } = turnScene(scene);
      await turn();
      await turn();
      return [...reads];
    };

    expect(await twice({ item: { generation: 4 }, ports })).toEqual([true, false]);
    expect(await twice({ item: { generation: 0 }, ports })).toEqual([false, false]);
    expect(await twice({ item: { generation: 4 }, ports: { ...ports, isOpen: () => false } })).toEqual([false, false]);
    const failing = (code: 'secret_unavailable' | 'unknown_account') => readWith(new BrokerError(code, 'detail'));
    const failed = { item: { generation: 4 } };
    expect(await twice({ ...failed, ports: { isOpen, readCredentials: failing('secret_unavailable') } })).toEqual([
      true,
      true,
    ]);
    expect(await twice({ ...failed, ports: { isOpen, readCredentials: failing('unknown_account') } })).toEqual([
      true,
      false,
    ]);
  });

  test('is unknown when it has neither a secret nor an item, and has lost its secret when it has an item', async () => {
    const codeWith = async (revision: number) => {
      const end = await turnScene({ item: { revision }, ports: { isOpen, readCredentials: unknown } }).turn();
      return end instanceof BrokerError && end.code;
    };

    expect(await codeWith(0)).toBe('unknown_account');
    expect(await codeWith(7)).toBe('secret_missing');
  });

  test('has lost its secret also when that shows only at the move to another user', async () => {
    const readCredentials: AccountPorts['readCredentials'] = async ({ past }) =>
      past ? unknown() : { ...credentials, username: 'other' };
    const end = await turnScene({ ports: { isOpen, readCredentials } }).turn();

    expect(end).toMatchObject({ code: 'secret_missing' });
  });
});

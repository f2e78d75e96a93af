// The actions of operators, with a fake broker.
import { describe, expect, it } from 'vitest';
import { withOpenAccounts } from '../../../../lambda/account-secrets.ts';
import type { Broker } from '../../../../lambda/broker/contract.ts';
import type { Item } from '../../../../lambda/broker/item.ts';
import { BrokerError } from '../../../../lambda/errors.ts';
import { createAdminHandler } from '../../../../lambda/events/admin.ts';
import { describeInvocation } from '../../../../lambda/events/invocation.ts';
import { brokerOf, noon, recordReports, token } from '../../../support/events/broker.ts';
import { foreignEvents, httpEvent, lambdaContext } from '../../../support/events/events.ts';

const untouched: Item = {
  account: 'one',
  revision: 0,
  generation: 0,
  leaseUntil: 0,
  failures: {},
  isSlow: false,
  rejectedCredentials: new Set(),
  sends: [],
  logins: [],
  paused: false,
};

const eventful: Item = {
  ...untouched,
  account: 'two',
  revision: 12,
  owner: '3f2b1c9e-0000-4000-8000-000000000003',
  leaseUntil: noon,
  token,
  retryAt: noon + 5000,
  retryCode: 'upstream_unavailable',
  rejectedCredentials: new Set(['a'.repeat(64), 'b'.repeat(64)]),
  retryRejectedAt: noon + 1_800_000,
  lastGood: 'a'.repeat(64),
  paused: true,
  sends: [
    { at: noon - 3_600_000, tag: 'aaaaaaaa' },
    { at: noon - 3_599_999, tag: 'aaaaaaaa' },
    { at: noon - 1000, tag: 'bbbbbbbb' },
  ],
  logins: [
    { at: noon - 86_400_000, tag: '' },
    { at: noon - 3_600_000, tag: '' },
    { at: noon - 100_500, tag: 'cccccccc' },
  ],
  lastLogin: noon - 100_500,
  lastError: { code: 'upstream_unavailable', at: noon - 1000 },
};

const noLogins = { refused_sends: 0, logins_last_hour: 0, logins_last_day: 0 };

const items = new Map([
  ['one', untouched],
  ['two', eventful],
]);

/** @param open whether ids that are not listed may be accounts too */
function handlerFor(parts: Partial<Broker> = {}, open = false) {
  const amended: string[] = [];
  const reports = recordReports();
  const broker = brokerOf({
    status: async (account) => items.get(account) ?? untouched,
    amend: async (account, amendment) => void amended.push(`${amendment} ${account}`),
    verify: async () => ({ outcome: 'renewed', expiresAt: noon }),
    ...parts,
  });
  const listed = new Map(['one', 'two'].map((account) => [account, `fegora/${account}`]));
  const handle = createAdminHandler({
    broker,
    accounts: [...listed.keys()],
    secrets: withOpenAccounts(listed, open ? 'fegora/' : undefined),
    now: () => noon,
    report: reports.report,
  });
  const send = (event: unknown) =>
    handle(event, describeInvocation(event, lambdaContext('admin'), undefined), () => 25_000);
  return { send, amended, reports };
}

describe('the action status', () => {
  const two = {
    account: 'two',
    paused: true,
    expires_at: '2026-11-24T12:28:19.500Z',
    token_sha256: token.fingerprint,
    next_renewal: '2026-11-24T12:18:19.500Z',
    last_login: '2026-11-24T11:58:19.500Z',
    last_error: { code: 'upstream_unavailable', at: '2026-11-24T11:59:59.000Z' },
    retry_at: '2026-11-24T12:00:05.000Z',
    retry_code: 'upstream_unavailable',
    lease_until: '2026-11-24T12:00:00.000Z',
    marks: 2,
    refused_sends: 2,
    logins_last_hour: 1,
    logins_last_day: 2,
    next_try: '2026-11-24T12:30:00.000Z',
  };

  it('shows the status of every account, and no token, when no account is named', async () => {
    const { send } = handlerFor();
    const answer = await send({ action: 'status' });
    expect(answer).toEqual({
      action: 'status',
      accounts: [{ account: 'one', paused: false, marks: 0, ...noLogins }, two],
    });
    expect(JSON.stringify(answer)).not.toContain(token.accessToken);
  });

  it('shows the status of one account when it is named', async () => {
    const { send } = handlerFor();
    expect(await send({ action: 'status', account: 'two' })).toEqual({ action: 'status', accounts: [two] });
  });

  it('shows until when a user rests whose passwords were refused three times within an hour', async () => {
    const sends = [50, 40, 30].map((minutes) => ({ at: noon - minutes * 60_000, tag: 'aaaaaaaa' }));
    const { send } = handlerFor({ status: async () => ({ ...untouched, sends }) });
    expect(await send({ action: 'status', account: 'one' })).toMatchObject({
      accounts: [{ refused_sends: 3, rests_until: '2026-11-24T12:10:00.000Z' }],
    });
  });

  it('shows whether a refresh token is held, and never which', async () => {
    const refreshToken = { text: 'not-a-real-refresh', versionId: 'v1' };
    const statusOf = async (parts: Partial<Item>) => {
      const { send } = handlerFor({ status: async () => ({ ...untouched, ...parts }) });
      return JSON.stringify(await send({ action: 'status', account: 'one' }));
    };
    expect(await statusOf({ refresh: 'held', refreshToken })).toContain('"refresh_token":"held"');
    expect(await statusOf({ refresh: 'held', refreshToken })).not.toContain(refreshToken.text);
    expect(await statusOf({ refresh: 'taken' })).not.toContain('refresh');
    expect(await statusOf({})).not.toContain('refresh');
  });

  it('shows why the broker cannot use the secret of an account', async () => {
    const { send } = handlerFor({ checkSecret: async () => 'secret_malformed' });
    expect(await send({ action: 'status', account: 'one' })).toMatchObject({
      accounts: [{ account: 'one', secret_error: 'secret_malformed' }],
    });
  });

  it.each<[string, Partial<Item>, readonly string[]]>([
    ['an error before the latest login', { lastLogin: noon - 1000 }, ['last_error']],
    ['a back-off that is over', { retryAt: noon }, ['retry_at', 'retry_code']],
    ['a lease that ended over 2 s ago', { leaseUntil: noon - 2001 }, ['lease_until']],
  ])('does not show %s', async (_name, past, absent) => {
    const { send } = handlerFor({ status: async () => ({ ...eventful, ...past }) });
    const shown = await send({ action: 'status', account: 'two' });
    const { accounts } = { accounts: [], ...shown };
    expect(Object.keys(two).filter((name) => !Object.hasOwn(Object(accounts[0]), name))).toEqual(absent);
  });

  it('shows a lease that ended at most 2 s ago, because its owner may still log in', async () => {
    const { send } = handlerFor({ status: async () => ({ ...eventful, leaseUntil: noon - 2000 }) });
    expect(await send({ action: 'status', account: 'two' })).toMatchObject({
      accounts: [{ lease_until: '2026-11-24T11:59:58.000Z' }],
    });
  });

  it('shows an error that came after the latest login, and one of an account that never logged in', async () => {
    const { lastLogin: _, ...never } = eventful;
    for (const item of [eventful, never]) {
      const { send } = handlerFor({ status: async () => item });
      expect(await send({ action: 'status', account: 'two' })).toMatchObject({
        accounts: [{ last_error: two.last_error }],
      });
    }
  });

  it('shows a later next_renewal when the item puts the renewal off', async () => {
    const { send } = handlerFor({ status: async () => ({ ...eventful, renewAt: noon + 1_200_000 }) });
    expect(await send({ action: 'status', account: 'two' })).toMatchObject({
      accounts: [{ next_renewal: '2026-11-24T12:20:00.000Z' }],
    });
  });

  it('shows the other accounts when the status of one cannot be read', async () => {
    const unreadable = () => Promise.reject(new BrokerError('table_unavailable', 'GetItem'));
    const status = (account: string) => (account === 'one' ? unreadable() : Promise.resolve(untouched));
    const { send, reports } = handlerFor({ status });
    expect(await send({ action: 'status' })).toEqual({
      action: 'status',
      accounts: [
        { account: 'one', error: 'table_unavailable' },
        { account: 'two', paused: false, marks: 0, ...noLogins },
      ],
    });
    expect(reports.failed).toMatchObject([{ invocation: { account: 'one' }, error: { code: 'table_unavailable' } }]);
  });
});

describe('the other actions', () => {
  it.each(['clear-rejection', 'purge', 'revoke', 'pause', 'resume', 'reset'])(
    'does %s on an account and reports it',
    async (action) => {
      const { send, amended, reports } = handlerFor();
      expect(await send({ action, account: 'one' })).toEqual({ action, account: 'one', outcome: 'done' });
      expect(amended).toEqual([`${action} one`]);
      expect(reports.ran).toMatchObject([
        {
          invocation: { caller: 'alias:admin', account: 'one' },
          task: action,
          results: [{ account: 'one', outcome: 'done' }],
        },
      ]);
    },
  );

  it('says which token a revocation dropped and until when Fegora accepts it', async () => {
    const { send, amended, reports } = handlerFor();
    const dropped = { account: 'two', outcome: 'done', expires_at: '2026-11-24T12:28:19.500Z' };
    const answer = await send({ action: 'revoke', account: 'two' });
    expect(answer).toEqual({ action: 'revoke', ...dropped, token_sha256: token.fingerprint });
    expect(JSON.stringify(answer)).not.toContain(token.accessToken);
    expect(amended).toEqual(['revoke two']);
    expect(reports.ran).toMatchObject([{ results: [{ token_sha256: token.fingerprint }] }]);
  });

  it('revokes nothing when the token cannot be read', async () => {
    const { send, amended } = handlerFor({
      status: () => Promise.reject(new BrokerError('table_unavailable', 'GetItem')),
    });
    await expect(send({ action: 'revoke', account: 'two' })).rejects.toMatchObject({ code: 'table_unavailable' });
    expect(amended).toEqual([]);
  });

  it('promise 74: resets the item of an account that is not configured any more', async () => {
    const { send, amended } = handlerFor();
    expect(await send({ action: 'reset', account: 'three' })).toMatchObject({ account: 'three', outcome: 'done' });
    expect(amended).toEqual(['reset three']);
  });

  it('verifies an account and answers without a token', async () => {
    const { send, reports } = handlerFor();
    expect(await send({ action: 'verify', account: 'one' })).toEqual({
      action: 'verify',
      account: 'one',
      outcome: 'renewed',
      expires_at: '2026-11-24T12:00:00.000Z',
    });
    expect(reports.ran).toMatchObject([{ task: 'verify' }]);
  });

  it('says in whole seconds when a verification that was skipped may be tried', async () => {
    const { send } = handlerFor({
      verify: async () => ({ outcome: 'skipped', expiresAt: noon, retryAfterMs: 42_001 }),
    });
    expect(await send({ action: 'verify', account: 'one' })).toMatchObject({ outcome: 'skipped', retry_after: 43 });
  });

  it('rejects with the error of the broker when an action fails', async () => {
    const { send } = handlerFor({ amend: () => Promise.reject(new BrokerError('table_unavailable', 'UpdateItem')) });
    await expect(send({ action: 'purge', account: 'one' })).rejects.toMatchObject({ code: 'table_unavailable' });
  });

  it.each<[string, unknown, string | undefined]>([
    ['no account', { action: 'purge' }, 'account'],
    ['an account that is not a string', { action: 'purge', account: ['one'] }, 'account'],
    ['another action', { action: 'delete', account: 'one' }, 'action'],
    ['no action', {}, 'action'],
    ['an unknown member', { action: 'purge', account: 'one', force: true }, 'force'],
    ['no object', 'status', undefined],
  ])('promise 62: names the member when an event has %s', async (_name, event, member) => {
    const { send } = handlerFor();
    const error = await send(event).catch((thrown) => thrown);
    expect(error.toBody('r')).toMatchObject({ error: 'invalid_request', ...(member !== undefined && { member }) });
    expect('member' in error.toBody('r')).toBe(member !== undefined);
  });

  it.each<[string, unknown, string]>([
    ['an account that is not configured', { action: 'purge', account: 'three' }, 'unknown_account'],
    [
      'the status of an account that is not configured',
      { action: 'status', account: 'constructor' },
      'unknown_account',
    ],
    ['a malformed account', { action: 'purge', account: 'ONE' }, 'invalid_account'],
    ['no account', { action: 'purge' }, 'invalid_request'],
    ['an account that is not a string', { action: 'purge', account: ['one'] }, 'invalid_request'],
    ['an account that is null', { action: 'status', account: null }, 'invalid_request'],
    ['another action', { action: 'delete', account: 'one' }, 'invalid_request'],
    ['an action of Object.prototype', { action: 'constructor', account: 'one' }, 'invalid_request'],
    ['an action in a list', { action: ['purge'], account: 'one' }, 'invalid_request'],
    ['an unknown member', { action: 'purge', account: 'one', force: true }, 'invalid_request'],
    ['a prototype key', JSON.parse('{"action":"status","__proto__":{"account":"one"}}'), 'invalid_request'],
    ['an empty object', {}, 'invalid_request'],
    ['null', null, 'invalid_request'],
    ['a string', 'status', 'invalid_request'],
    ['an array', [{ action: 'status' }], 'invalid_request'],
    ['a proxy event', httpEvent(), 'invalid_request'],
    ...Object.entries(foreignEvents).map(([name, event]): [string, unknown, string] => [
      name,
      event,
      'invalid_request',
    ]),
  ])('refuses an event with %s', async (_name, event, code) => {
    const { send, amended } = handlerFor();
    await expect(send(event)).rejects.toMatchObject({ code });
    expect(amended).toEqual([]);
  });
});

describe('open accounts', () => {
  /** `tienda-1` has a secret, `removed` has only an item. */
  const broker: Partial<Broker> = {
    status: async (account) => ({ ...(account === 'removed' ? eventful : untouched), account }),
    checkSecret: async (account) => (account === 'tienda-1' ? undefined : 'unknown_account'),
  };
  const tienda = { account: 'tienda-1', open: true, paused: false, marks: 0, ...noLogins };

  it('are shown as such, one by one and in pages, and are not among all accounts', async () => {
    const { send } = handlerFor({ ...broker, checkSecret: async () => undefined }, true);
    expect(await send({ action: 'status', account: 'tienda-1' })).toEqual({ action: 'status', accounts: [tienda] });
    const one = { account: 'one', paused: false, marks: 0, ...noLogins };
    expect(await send({ action: 'status', accounts: ['tienda-1', 'one'] })).toEqual({
      action: 'status',
      accounts: [tienda, one],
    });
    expect(await send({ action: 'status' })).toMatchObject({ accounts: [{ account: 'one' }, { account: 'two' }] });
  });

  it('are known as long as there is a secret or an item, and a secret that is gone is shown', async () => {
    const { send, amended } = handlerFor(broker, true);
    await send({ action: 'pause', account: 'tienda-1' });
    await send({ action: 'pause', account: 'removed' });
    expect(amended).toEqual(['pause tienda-1', 'pause removed']);
    await expect(send({ action: 'pause', account: 'tienda-9' })).rejects.toMatchObject({ code: 'unknown_account' });
    expect(await send({ action: 'status', account: 'removed' })).toMatchObject({
      accounts: [{ account: 'removed', open: true, secret_error: 'secret_missing' }],
    });
  });

  it('are known while Secrets Manager cannot be reached, because an operator may have to stop them then', async () => {
    const { send, amended } = handlerFor({ ...broker, checkSecret: async () => 'secret_unavailable' }, true);
    await send({ action: 'pause', account: 'tienda-1' });
    expect(amended).toEqual(['pause tienda-1']);
  });

  it('are looked up past the cache, so that the environment forgets what it has of a secret that is gone', async () => {
    const past: unknown[] = [];
    const checkSecret: Broker['checkSecret'] = async (_account, _remaining, asked) => void past.push(asked);
    await handlerFor({ ...broker, checkSecret }, true).send({ action: 'pause', account: 'tienda-1' });
    expect(past).toEqual([true]);
  });

  it.each<[string, unknown]>([
    ['a text', 'tienda-1'],
    ['too long', Array.from({ length: 101 }, (_, index) => `t-${index}`)],
    ['not of texts', ['tienda-1', 1]],
  ])('are refused as a page that is %s', async (_, accounts) => {
    const { send } = handlerFor(broker, true);
    await expect(send({ action: 'status', accounts })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('take a page only of the action status, and only of ids that an account could have', async () => {
    const { send } = handlerFor(broker, true);
    const refused = { code: 'invalid_request' };
    await expect(send({ action: 'pause', accounts: ['tienda-1'] })).rejects.toMatchObject(refused);
    await expect(send({ action: 'status', account: 'one', accounts: ['one'] })).rejects.toMatchObject(refused);
    const unknown = { code: 'unknown_account' };
    await expect(send({ action: 'status', accounts: ['Tienda'] })).rejects.toMatchObject(unknown);
    await expect(handlerFor(broker).send({ action: 'status', accounts: ['tienda-1'] })).rejects.toMatchObject(unknown);
  });
});

// Tests that each account has an object of its own, and that an environment remembers a bounded number (lambda/broker/broker.ts).

import { describe, expect, test } from 'vitest';
import { createCredentialSources } from '../../../../lambda/aws/credential-sources.ts';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import { createUnknownAccounts } from '../../../../lambda/aws/open/unknown-accounts.ts';
import { createBroker } from '../../../../lambda/broker/broker.ts';
import type { Broker } from '../../../../lambda/broker/contract.ts';
import type { Ports } from '../../../../lambda/broker/ports.ts';
import { fingerprint } from '../../../../lambda/broker/token.ts';
import { defaultLoginBudget } from '../../../../lambda/config.ts';
import { asBrokerError, BrokerError } from '../../../../lambda/errors.ts';
import { credentials } from '../../../support/core/account-scene.ts';
import { full } from '../../../support/counts.ts';
import { garbageCollector } from '../../../support/garbage-collector.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const remaining = () => 25_000;
const unused = () => Promise.reject(new Error('not asked for here'));

/** A broker over a table that holds a token for every account. */
function start({ write, ...options }: Partial<Ports> & { readonly write?: Ports['table']['write'] } = {}) {
  const clock = createVirtualClock();
  const reads: string[] = [];
  const broker = createBroker({
    clock,
    random: () => 0,
    observe: () => {},
    tokenUrl: 'https://fegora.invalid/token',
    login: unused,
    readCredentials: unused,
    table: {
      read: async (account) => {
        reads.push(account);
        return itemWithToken(account, clock.now());
      },
      claim: async () => true,
      write: write ?? (async () => true),
      bindUser: async (_, { account }) => ({ account }),
    },
    isConfigured: () => true,
    loginBudget: defaultLoginBudget,
    ...options,
  });
  return { clock, broker, reads };
}

function itemWithToken(account: string, now: number) {
  const accessToken = `not-a-real-token-of-${account}`;
  const times = { issuedAt: now, lifetimeMs: 1_800_000 };
  const token = { accessToken, fingerprint: fingerprint(accessToken), ...times, versionId: 'v1' };
  return { item: { ...emptyItem(account), revision: 1, token }, at: now };
}

const failedLogin = {
  kind: 'failed',
  error: new BrokerError('credentials_rejected', 'detail'),
  reached: 'answered',
  answer: 'invalid_grant',
} as const;

async function tokenOf(broker: Broker, account: string): Promise<string> {
  return (await broker.getToken({ account }, remaining)).token.accessToken;
}

test('promise 39: keeps the tokens of two accounts apart when both are asked for at once', async () => {
  const { broker, reads } = start();
  const tokens = await Promise.all(['a', 'b', 'a', 'b'].map((account) => tokenOf(broker, account)));

  expect(tokens).toEqual(['a', 'b', 'a', 'b'].map((account) => `not-a-real-token-of-${account}`));
  expect(reads.sort()).toEqual(['a', 'b']);
});

test('drops only the token of the purged account when an operator purges it', async () => {
  const { broker, reads } = start();
  await tokenOf(broker, 'a');
  await tokenOf(broker, 'b');
  await broker.amend('a', 'purge', remaining);
  await tokenOf(broker, 'a');
  await tokenOf(broker, 'b');

  expect(reads).toEqual(['a', 'b', 'a']);
});

test('warms, verifies, shows and checks the account that is named', async () => {
  const asked: string[] = [];
  const { broker, reads, clock } = start({
    readCredentials: async (account) => {
      asked.push(account);
      return credentials;
    },
    login: async () => failedLogin,
  });
  const expiresAt = clock.now() + 1_800_000;

  expect(await broker.warm('a', remaining)).toEqual({ outcome: 'fresh', expiresAt });
  expect(await broker.verify('b', remaining)).toEqual({ outcome: 'fresh', expiresAt });
  expect((await broker.status('c', remaining)).account).toBe('c');
  expect(await broker.checkSecret('d', remaining)).toBeUndefined();
  expect({ reads, asked }).toEqual({ reads: ['a', 'b', 'c'], asked: ['b', 'd'] });
});

test('remembers a thousand accounts, and forgets the one that was not used for the longest time when another comes', async () => {
  const { broker, reads } = start();
  for (let number = 0; number < 1000; number += 1) {
    await tokenOf(broker, `account-${number}`);
    await tokenOf(broker, 'account-1');
  }
  reads.length = 0;
  for (const name of ['account-0', 'account-1', 'account-1000', 'account-0', 'account-1']) {
    await tokenOf(broker, name);
  }
  expect(reads).toEqual(['account-1000']);
  await tokenOf(broker, 'account-2');

  expect(reads).toEqual(['account-1000', 'account-2']);
});

test('remembers an account whose rejection could not be written, however many others come', async () => {
  let sends = 0;
  const send = async (_: unknown, { beforeFirstByte }: { readonly beforeFirstByte: () => boolean }) => {
    beforeFirstByte();
    sends += 1;
    return failedLogin;
  };
  const { broker, clock } = start({
    readCredentials: async () => ({ ...credentials, versionId: 'v2' }),
    login: async () => ({ kind: 'connected', send, close: () => {} }),
    write: () => Promise.reject(new BrokerError('table_unavailable', 'detail')),
  });
  const verify = () => clock.until(broker.verify('refused', remaining));
  const refused = expect.objectContaining({ code: 'credentials_rejected' });
  await expect(verify()).rejects.toEqual(refused);
  for (let number = 0; number <= 1000; number += 1) {
    await tokenOf(broker, `account-${number}`);
  }
  await expect(verify()).rejects.toEqual(refused);

  expect(sends).toBe(1);
});

describe('promise 65: ids that no account has', () => {
  const collect = garbageCollector();
  const absent = Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
  const busy = Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });

  /** A broker whose accounts are open: those whose ids begin with `account` have a token. */
  function startOpen(refusal = absent) {
    let reads = 0;
    const clock = createVirtualClock();
    const readCredentials = createCredentialSources({
      getSecretValue: () => {
        reads += 1;
        return Promise.reject(refusal);
      },
      secrets: { get: (account) => `fegora/${account}` },
      open: { isOpen: () => true, unknown: createUnknownAccounts(clock.now) },
      clientId: 'apiApp',
      now: clock.now,
    });
    const stored: string[] = [];
    const { broker } = start({
      clock,
      isOpen: () => true,
      readCredentials,
      table: {
        read: async (account) => {
          if (!account.startsWith('account')) {
            return { item: emptyItem(account), at: clock.now() };
          }
          stored.push(account);
          return itemWithToken(account, clock.now());
        },
        claim: unused,
        write: unused,
        bindUser: unused,
      },
    });
    const ask = async (id: string) => {
      const code = await broker.getToken({ account: id }, remaining).catch((error) => asBrokerError(error).code);
      await clock.advance(10);
      return code;
    };
    return { broker, ask, stored, reads: () => reads };
  }

  test.each([
    ['', absent],
    [' while Secrets Manager is unavailable', busy],
  ])('drive out at most one of a thousand accounts in use%s', async (_, refusal) => {
    const { broker, ask, stored } = startOpen(refusal);
    for (let number = 0; number < 1000; number += 1) {
      await tokenOf(broker, `account-${number}`);
    }
    for (let number = 0; number < 2000; number += 1) {
      await ask(`unknown-${number}`);
    }
    stored.length = 0;
    for (let number = 999; number >= 0; number -= 1) {
      await tokenOf(broker, `account-${number}`);
    }

    expect(stored.length).toBeLessThanOrEqual(1);
  });

  test('cost one read each, and memory does not grow with them', async () => {
    const { ask, reads } = startOpen();
    let unknown = 0;
    const askMany = async (from: number, to: number) => {
      for (let number = from; number < to; number += 1) {
        unknown += (await ask(`unknown-${number}`.padEnd(63, '-'))) === 'unknown_account' ? 1 : 0;
      }
    };
    // At 100 a second, 6,000 are remembered.
    const first = 8000;
    const count = full(100_000, 12_000);
    await askMany(0, first);
    collect();
    const before = process.memoryUsage().heapUsed;
    await askMany(first, first + count);
    collect();
    const grownBytes = process.memoryUsage().heapUsed - before;

    expect(grownBytes).toBeLessThan(1_000_000);
    expect([unknown, reads()]).toEqual([first + count, first + count]);
  }, 120_000);
});

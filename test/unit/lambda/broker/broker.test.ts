// Tests that each account has an object of its own, and that an environment remembers a bounded number (lambda/broker/broker.ts).

import { expect, test } from 'vitest';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import { createBroker } from '../../../../lambda/broker/broker.ts';
import type { Broker } from '../../../../lambda/broker/contract.ts';
import { fingerprint } from '../../../../lambda/broker/token.ts';
import { defaultLoginBudget } from '../../../../lambda/config.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const remaining = () => 25_000;
const unused = () => Promise.reject(new Error('not asked for here'));

/** A broker over a table that holds a token for every account. */
function start() {
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
        const accessToken = `not-a-real-token-of-${account}`;
        const times = { issuedAt: clock.now(), lifetimeMs: 1_800_000 };
        const token = { accessToken, fingerprint: fingerprint(accessToken), ...times, versionId: 'v1' };
        return { item: { ...emptyItem(account), revision: 1, token }, at: clock.now() };
      },
      claim: unused,
      write: async () => true,
      bindUser: unused,
    },
    isConfigured: () => true,
    loginBudget: defaultLoginBudget,
  });
  return { broker, reads };
}

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

test('forgets the account that was not used for the longest time when it knows a thousand others', async () => {
  const { broker, reads } = start();
  for (let number = 0; number <= 1000; number += 1) {
    await tokenOf(broker, `account-${number}`);
    await tokenOf(broker, 'account-1');
  }
  reads.length = 0;
  await tokenOf(broker, 'account-1');
  await tokenOf(broker, 'account-1000');
  expect(reads).toEqual([]);
  await tokenOf(broker, 'account-0');

  expect(reads).toEqual(['account-0']);
});

// When the account that a Fegora user belongs to may still log in (lambda/aws/open/owner-state.ts).
import { expect, test } from 'vitest';
import { createIsConfigured } from '../../../../../lambda/aws/open/owner-state.ts';
import type { Item } from '../../../../../lambda/broker/item.ts';
import { BrokerError, type ErrorCode } from '../../../../../lambda/errors.ts';
import { credentials, itemWith, noon, tokenWith } from '../../../../support/core/login-order.ts';

const signal = new AbortController().signal;

/** Whether an account counts as configured whose secret answers so. `main` is listed; `tienda-1` may be open. */
async function isConfigured(account: string, answer?: ErrorCode, stored: Partial<Item> = {}, unknownForMs?: number) {
  const asked: boolean[] = [];
  const port = createIsConfigured({
    isListed: (id) => id === 'main',
    isOpen: (id) => id === 'tienda-1',
    isUnknown: (_, withinMs = 60_000) => unknownForMs !== undefined && unknownForMs < withinMs,
    now: () => noon,
    readCredentials: async (_, { past }) => {
      asked.push(past);
      if (answer !== undefined) {
        throw new BrokerError(answer, 'test');
      }
      return credentials;
    },
  });
  return { is: await port(account, itemWith(stored), signal), asked };
}

test('a listed account is configured, and an id that is neither listed nor open is not, without a read', async () => {
  expect(await isConfigured('main', 'unknown_account')).toEqual({ is: true, asked: [] });
  expect(await isConfigured('removed', 'unknown_account')).toEqual({ is: false, asked: [] });
});

test('an open account is configured while its secret can be read, which memory answers unless the account is paused', async () => {
  expect(await isConfigured('tienda-1')).toEqual({ is: true, asked: [false] });
  expect(await isConfigured('tienda-1', undefined, { paused: true })).toEqual({ is: true, asked: [true] });
});

test('promise 65: an id that was unknown is read past the memory only every 5 seconds', async () => {
  const later = [{ paused: true }, {}].map((stored) => isConfigured('tienda-1', 'unknown_account', stored, 5000));
  expect(await Promise.all(later)).toEqual([
    { is: false, asked: [true] },
    { is: false, asked: [true] },
  ]);
  const asked = [{ paused: true }, {}].map((stored) => isConfigured('tienda-1', 'unknown_account', stored, 4999));
  expect(await Promise.all(asked)).toEqual([
    { is: false, asked: [false] },
    { is: false, asked: [false] },
  ]);
});

test.each(['secret_unavailable', 'configuration', 'credentials_missing', 'secret_malformed', 'throttled'] as const)(
  'an open account is configured when the read of its secret fails with %s, because the secret may exist',
  async (code) => {
    expect((await isConfigured('tienda-1', code)).is).toBe(true);
  },
);

test('an open account is not configured any more once no secret is its own and no token of it can be served', async () => {
  const token = tokenWith(noon - 60_000);
  const expired = tokenWith(noon - 3_600_000);
  expect((await isConfigured('tienda-1', 'unknown_account')).is).toBe(false);
  expect((await isConfigured('tienda-1', 'unknown_account', { token: expired })).is).toBe(false);
  expect(await isConfigured('tienda-1', 'unknown_account', { token })).toEqual({ is: true, asked: [] });
});

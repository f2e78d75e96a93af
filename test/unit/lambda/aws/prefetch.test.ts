// The prefetch of an item and of a secret, with a table in memory.
import { beforeEach, describe, expect, test } from 'vitest';
import { emptyItem, parseRecord } from '../../../../lambda/aws/item-record.ts';
import { prefetchItem } from '../../../../lambda/aws/prefetch.ts';
import type { Clock } from '../../../../lambda/broker/clock.ts';
import { type Item, noUser } from '../../../../lambda/broker/item.ts';
import type { Credentials, ReadCredentials, TokenTable } from '../../../../lambda/broker/ports.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const never = new AbortController().signal;
const begin = Date.UTC(2026, 10, 24, 12);

let wall: number;
let monotonic: number;
let reads: string[];
let answers: (() => ReturnType<TokenTable['read']>)[];
const clock: Clock = { now: () => wall, monotonic: () => monotonic, sleep: () => new Promise(() => {}) };

beforeEach(() => {
  wall = begin;
  monotonic = 5000;
  reads = [];
  answers = [];
});

/** The revision of an item is the number of the read. */
const table: TokenTable = {
  read: async (account) => {
    const revision = reads.push(account);
    const { item } = parseRecord(account, undefined);
    return (await answers.shift()?.()) ?? { item: { ...item, revision }, at: begin };
  },
  claim: async () => true,
  write: async () => true,
  bindUser: async () => ({ account: 'main' }),
};

const credentials: Credentials = {
  username: 'user-of-main',
  password: 'not-a-real-password',
  clientId: 'apiApp',
  versionId: 'v1',
};
const dependencies = { table, readCredentials: async () => credentials, connect: () => {}, clock };

function advance(ms: number): void {
  wall += ms;
  monotonic += ms;
}

async function revisionOf(result: ReturnType<TokenTable['read']>): Promise<number> {
  return (await result).item.revision;
}

describe('a prefetched item', () => {
  test('is the result of the first read of its account, and of no other read', async () => {
    const prefetching = prefetchItem(dependencies, 'main');
    expect(reads).toEqual(['main']);
    advance(1000);
    expect(await revisionOf(prefetching.read('other', never))).toBe(2);
    expect(await revisionOf(prefetching.read('main', never))).toBe(1);
    expect(await revisionOf(prefetching.read('main', never))).toBe(3);
    expect(reads).toEqual(['main', 'other', 'main']);
  });

  test.each([
    ['is over a second old', 1001, 1001],
    ['is over a second old only by the wall clock', 1001, 10],
    ['is over a second old only by the monotonic clock', 10, 1001],
    ['comes from the future', -1, 10],
  ])('is dropped when it %s', async (_, wallMs, monotonicMs) => {
    const prefetching = prefetchItem(dependencies, 'main');
    wall += wallMs;
    monotonic += monotonicMs;
    expect(await revisionOf(prefetching.read('main', never))).toBe(2);
  });

  test("has the table's time as it is at the read", async () => {
    const prefetching = prefetchItem(dependencies, 'main');
    await prefetching.ended;
    advance(700);
    expect((await prefetching.read('main', never)).at).toBe(begin + 700);
  });

  test('has no time when the table gave none', async () => {
    const { item } = parseRecord('main', undefined);
    answers = [async () => ({ item })];
    expect(await prefetchItem(dependencies, 'main').read('main', never)).toEqual({ item });
  });

  test('is read again, without an error, when the prefetch failed', async () => {
    answers = [() => Promise.reject(new Error('no table'))];
    const prefetching = prefetchItem(dependencies, 'main');
    expect(await revisionOf(prefetching.read('main', never))).toBe(2);
  });

  test('is not waited for after the signal of the read aborts', async () => {
    answers = [() => new Promise(() => {})];
    const prefetching = prefetchItem(dependencies, 'main');
    const late = new AbortController();
    const pending = prefetching.read('main', late.signal);
    late.abort();
    expect(await revisionOf(pending)).toBe(2);
  });

  test('is given up after a second when the table hangs, so that an init does not wait for it', async () => {
    const time = createVirtualClock(begin);
    const hanging = (_: string, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('cut'))));
    const { ended } = prefetchItem({ ...dependencies, table: { ...table, read: hanging }, clock: time }, 'main');
    await time.until(ended);
    expect(time.monotonic()).toBe(1000);
  });

  test('is waited for when the prefetch has not ended', async () => {
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<TokenTable['read']>>>();
    answers = [() => promise];
    const pending = prefetchItem(dependencies, 'main').read('main', never);
    resolve({ item: { ...parseRecord('main', undefined).item, revision: 7 } });
    expect(await revisionOf(pending)).toBe(7);
  });
});

describe('a prefetched secret', () => {
  const time = createVirtualClock(begin);
  const issuedAt = time.now() - 1000;
  const token = { accessToken: 'not-a-real-token', fingerprint: 'f', issuedAt, lifetimeMs: 60_000, versionId: 'v1' };

  /** The accounts whose secret is read when the table contains this item, and the end of the prefetch. */
  function readsFor(
    item: Partial<Item> | Error,
    answer: (signal: AbortSignal) => Promise<Credentials> = async () => credentials,
  ) {
    const asked: string[] = [];
    const connect = () => {
      asked.push('connect');
    };
    const read = async () => {
      if (item instanceof Error) {
        throw item;
      }
      return { item: { ...emptyItem('main'), ...item } };
    };
    const readCredentials: ReadCredentials = (account, { signal }) => {
      asked.push(account);
      return answer(signal);
    };
    const { ended } = prefetchItem({ table: { ...table, read }, readCredentials, connect, clock: time }, 'main');
    return { asked, ended };
  }

  test.each<[string, Partial<Item>]>([
    ['there is no token', {}],
    ['the token is within its margin', { token: { ...token, issuedAt: issuedAt - 54_000 } }],
    ['a back-off has ended', { retryAt: begin - 1, retryCode: 'upstream_unavailable' }],
    ['a lease ended over two seconds ago', { leaseUntil: begin - 2001 }],
  ])('is read, and a connection opened, when %s', async (_, item) => {
    const { asked, ended } = readsFor(item);
    await ended;
    expect(asked).toEqual(['connect', 'main']);
  });

  test.each<[string, Partial<Item>]>([
    ['another environment logs in', { leaseUntil: begin + 10_000 }],
    ['the lease of another environment cannot be taken over yet', { leaseUntil: begin - 2000 }],
    ['the account has let go of its user', { userKey: noUser }],
    ['Fegora just refused the password', { lastError: { code: 'credentials_rejected', at: begin } }],
  ])('is read without a connection when %s', async (_, item) => {
    const { asked, ended } = readsFor(item);
    await ended;
    expect(asked).toEqual(['main']);
  });

  test.each<[string, Partial<Item> | Error]>([
    ['a token can be served', { token }],
    ['a back-off has not ended', { retryAt: begin + 1000, retryCode: 'upstream_unavailable' }],
    ['the account is paused', { paused: true }],
    ['the item cannot be read', { fault: 'schema' }],
    ['the table did not answer', new Error('no table')],
  ])('is not read when %s', async (_, item) => {
    const { asked, ended } = readsFor(item);
    await ended;
    expect(asked).toEqual([]);
  });

  test('makes no error when it cannot be read', async () => {
    const { ended } = readsFor({}, () => Promise.reject(new Error('no secret')));
    await expect(ended).resolves.toBeUndefined();
  });

  test('is given up when it takes over a second', async () => {
    const started = time.monotonic();
    const aborted = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const { ended } = readsFor({}, aborted);
    await time.until(ended);
    expect(time.monotonic() - started).toBe(1000);
  });
});

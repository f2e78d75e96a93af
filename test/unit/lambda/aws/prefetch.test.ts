import { beforeEach, describe, expect, test } from 'vitest';
import { emptyItem, parseRecord } from '../../../../lambda/aws/item-record.ts';
import { prefetchItem } from '../../../../lambda/aws/prefetch.ts';
import type { Item } from '../../../../lambda/broker/item.ts';
import type { Clock, Credentials, ReadCredentials, TokenTable } from '../../../../lambda/broker/ports.ts';
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

/** Its readings are numbered by their revision. */
const table: TokenTable = {
  read: async (account) => {
    const revision = reads.push(account);
    const { item } = parseRecord(account, undefined);
    return (await answers.shift()?.()) ?? { item: { ...item, revision }, at: begin };
  },
  claim: async () => true,
  write: async () => true,
};

const credentials: Credentials = {
  username: 'user-of-main',
  password: 'not-a-real-password',
  clientId: 'apiApp',
  versionId: 'v1',
};
const parts = { table, readCredentials: async () => credentials, clock };

function passes(ms: number): void {
  wall += ms;
  monotonic += ms;
}

async function revisionOf(reading: ReturnType<TokenTable['read']>): Promise<number> {
  return (await reading).item.revision;
}

describe('a reading made ahead', () => {
  test('serves the first read of its account, and no other', async () => {
    const early = prefetchItem(parts, 'main');
    expect(reads).toEqual(['main']);
    passes(1000);
    expect(await revisionOf(early.read('other', never))).toBe(2);
    expect(await revisionOf(early.read('main', never))).toBe(1);
    expect(await revisionOf(early.read('main', never))).toBe(3);
    expect(reads).toEqual(['main', 'other', 'main']);
  });

  test.each([
    ['is a second old', 1001, 1001],
    ['is a second old by the wall clock alone', 1001, 10],
    ['is a second old by the monotonic clock alone', 10, 1001],
    ['comes from later than now', -1, 10],
  ])('is thrown away where it %s', async (_, wallMs, monotonicMs) => {
    const early = prefetchItem(parts, 'main');
    wall += wallMs;
    monotonic += monotonicMs;
    expect(await revisionOf(early.read('main', never))).toBe(2);
  });

  test("carries the table's time as it is by now", async () => {
    const early = prefetchItem(parts, 'main');
    await early.ended;
    passes(700);
    expect((await early.read('main', never)).at).toBe(begin + 700);
  });

  test('of a table that does not tell its time says none', async () => {
    const { item } = parseRecord('main', undefined);
    answers = [async () => ({ item })];
    expect(await prefetchItem(parts, 'main').read('main', never)).toEqual({ item });
  });

  test('that failed is made again, and its failure is told to nobody', async () => {
    answers = [() => Promise.reject(new Error('no table'))];
    const early = prefetchItem(parts, 'main');
    expect(await revisionOf(early.read('main', never))).toBe(2);
  });

  test('is no answer to a read whose time is up', async () => {
    answers = [() => new Promise(() => {})];
    const early = prefetchItem(parts, 'main');
    const late = new AbortController();
    const reading = early.read('main', late.signal);
    late.abort();
    expect(await revisionOf(reading)).toBe(2);
  });

  test('is given up after a second, so that an init does not wait for a table that hangs', async () => {
    const time = createVirtualClock(begin);
    const hanging = (_: string, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('cut'))));
    const { ended } = prefetchItem({ ...parts, table: { ...table, read: hanging }, clock: time }, 'main');
    await time.until(ended);
    expect(time.monotonic()).toBe(1000);
  });

  test('still under way is waited for', async () => {
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<TokenTable['read']>>>();
    answers = [() => promise];
    const reading = prefetchItem(parts, 'main').read('main', never);
    resolve({ item: { ...parseRecord('main', undefined).item, revision: 7 } });
    expect(await revisionOf(reading)).toBe(7);
  });
});

describe('the secret', () => {
  const time = createVirtualClock(begin);
  const issuedAt = time.now() - 1000;
  const token = { accessToken: 'not-a-real-token', fingerprint: 'f', issuedAt, lifetimeMs: 60_000, versionId: 'v1' };

  /** The accounts whose secret is read where the table holds this, and when that has ended. */
  function readsFor(
    item: Partial<Item> | Error,
    answer: (signal: AbortSignal) => Promise<Credentials> = async () => credentials,
  ) {
    const asked: string[] = [];
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
    const { ended } = prefetchItem({ table: { ...table, read }, readCredentials, clock: time }, 'main');
    return { asked, ended };
  }

  test.each<[string, Partial<Item>]>([
    ['there is no token', {}],
    ['the token is within its margin', { token: { ...token, issuedAt: issuedAt - 54_000 } }],
    ['a hold has passed', { retryAt: begin - 1, retryCode: 'upstream_unavailable' }],
  ])('is read too where %s', async (_, item) => {
    const { asked, ended } = readsFor(item);
    await ended;
    expect(asked).toEqual(['main']);
  });

  test.each<[string, Partial<Item> | Error]>([
    ['a token can be served', { token }],
    ['a hold stands', { retryAt: begin + 1000, retryCode: 'upstream_unavailable' }],
    ['the account is paused', { paused: true }],
    ['the item cannot be understood', { fault: 'schema' }],
    ['the table did not answer', new Error('no table')],
  ])('is left alone where %s', async (_, item) => {
    const { asked, ended } = readsFor(item);
    await ended;
    expect(asked).toEqual([]);
  });

  test('that cannot be read is left for the call to meet', async () => {
    const { ended } = readsFor({}, () => Promise.reject(new Error('no secret')));
    await expect(ended).resolves.toBeUndefined();
  });

  test('is given up after a second', async () => {
    const started = time.monotonic();
    const aborted = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const { ended } = readsFor({}, aborted);
    await time.until(ended);
    expect(time.monotonic() - started).toBe(1000);
  });
});

import { beforeEach, describe, expect, test } from 'vitest';
import { readEarly } from '../../lambda/early-read.ts';
import { parseRecord } from '../../lambda/item-record.ts';
import type { Clock, TokenTable } from '../../lambda/ports.ts';

const never = new AbortController().signal;
const begin = Date.UTC(2026, 10, 24, 12);

let wall: number;
let monotonic: number;
let reads: string[];
let answers: (() => ReturnType<TokenTable['read']>)[];
const clock: Clock = { now: () => wall, monotonic: () => monotonic, sleep: async () => {} };

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

function passes(ms: number): void {
  wall += ms;
  monotonic += ms;
}

async function revisionOf(reading: ReturnType<TokenTable['read']>): Promise<number> {
  return (await reading).item.revision;
}

describe('a reading made ahead', () => {
  test('serves the first read of its account, and no other', async () => {
    const early = readEarly(table, 'main', clock);
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
    const early = readEarly(table, 'main', clock);
    wall += wallMs;
    monotonic += monotonicMs;
    expect(await revisionOf(early.read('main', never))).toBe(2);
  });

  test("carries the table's time as it is by now", async () => {
    const early = readEarly(table, 'main', clock);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    passes(700);
    expect((await early.read('main', never)).at).toBe(begin + 700);
  });

  test('of a table that does not tell its time says none', async () => {
    const { item } = parseRecord('main', undefined);
    answers = [async () => ({ item })];
    expect(await readEarly(table, 'main', clock).read('main', never)).toEqual({ item });
  });

  test('that failed is made again, and its failure is told to nobody', async () => {
    answers = [() => Promise.reject(new Error('no table'))];
    const early = readEarly(table, 'main', clock);
    expect(await revisionOf(early.read('main', never))).toBe(2);
  });

  test('is no answer to a read whose time is up', async () => {
    answers = [() => new Promise(() => {})];
    const early = readEarly(table, 'main', clock);
    const late = new AbortController();
    const reading = early.read('main', late.signal);
    late.abort();
    expect(await revisionOf(reading)).toBe(2);
  });

  test('still under way is waited for', async () => {
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<TokenTable['read']>>>();
    answers = [() => promise];
    const reading = readEarly(table, 'main', clock).read('main', never);
    resolve({ item: { ...parseRecord('main', undefined).item, revision: 7 } });
    expect(await revisionOf(reading)).toBe(7);
  });
});

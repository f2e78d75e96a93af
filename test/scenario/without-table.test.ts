import { describe, expect, test } from 'vitest';
import type { BrokerError } from '../../lambda/errors.ts';
import { account, startCluster } from '../fixtures/cluster.ts';

describe('promise 12: without the table, FEGORA_WITHOUT_TABLE=login', () => {
  test('logs in for callers with time for it, not for the warm-up', async () => {
    const { brokers, ask, until, table, fegora } = await startCluster({ withoutTable: 'login' });
    table.trouble = () => 'down';
    const warmed = brokers[0]?.warm(account, () => 25_000).catch((error: BrokerError) => error.code);
    expect(await until(Promise.resolve(warmed))).toEqual(['table_unavailable']);
    const [hurried] = await until(ask(0, {}, 9_999));
    expect(hurried?.error?.code).toBe('table_unavailable');
    expect(fegora.counters().attempts).toBe(0);

    const [answer] = await until(ask(0, {}, 10_000));
    expect(answer?.grant?.source).toBe('upstream');
  });

  test('not where a token is at hand that serves', async () => {
    const { ask, until, pass, restart, table, fegora } = await startCluster({ withoutTable: 'login', random: () => 0 });
    const [first] = await until(ask(0));
    await pass(1_200_000);
    restart(0);
    table.trouble = (operation) => (operation === 'UpdateItem' ? 'down' : undefined);
    const [answer] = await until(ask(0));

    expect(answer?.grant).toMatchObject({ token: first?.grant?.token, warning: 'renewal_failing' });
    expect(fegora.counters().attempts).toBe(1);
  });

  test('not on an item that must not be built on, which the table has told', async () => {
    const { ask, until, table, fegora } = await startCluster({ withoutTable: 'login' });
    table.rows.set(account, { account: { S: account }, schema: { N: '2' }, revision: { N: '1' } });
    const [answer] = await until(ask(0));

    expect(answer?.error?.code).toBe('table_unavailable');
    expect(fegora.counters().attempts).toBe(0);
  });

  test('not before a hold is over that was read while it could be', async () => {
    const { ask, until, pass, table, fegora } = await startCluster({ environments: 2, withoutTable: 'login' });
    fegora.addFault({ kind: 'answer', status: 400, body: 'perhaps about the password' });
    await until(ask(0));
    await until(ask(1));
    table.trouble = () => 'down';
    for (const environment of [0, 1]) {
      const [held] = await until(ask(environment));
      expect(held?.error?.code).toBe('upstream_rejected');
    }
    expect(fegora.counters().attempts).toBe(1);

    await pass(60_001);
    const [answer] = await until(ask(1));
    expect(answer?.grant?.source).toBe('upstream');
  });

  test('not for an account that was paused when the table was last read', async () => {
    const { ask, until, brokers, table, fegora } = await startCluster({ withoutTable: 'login' });
    await until(Promise.resolve(brokers[0]?.amend(account, 'pause', () => 25_000)));
    await until(ask(0));
    table.trouble = () => 'down';
    const [answer] = await until(ask(0));

    expect(answer?.error?.code).toBe('paused');
    expect(fegora.counters().attempts).toBe(0);
  });

  test('not beside a login that was seen under way, until its lease can be stolen', async () => {
    const { ask, until, pass, clock, table, fegora } = await startCluster({ environments: 2, withoutTable: 'login' });
    fegora.set({ delayMs: 4000 });
    const leading = ask(0);
    await pass(100);
    const waiting = ask(1);
    await pass(100);
    table.trouble = (_, environment) => (environment === 1 ? 'down' : undefined);
    const [, waited] = await until(leading, waiting);
    expect(waited?.error).toMatchObject({ code: 'renewal_in_progress' });
    expect(fegora.counters()).toMatchObject({ attempts: 1, overlapsSeen: 0 });

    await clock.advance(17_001);
    const [answer] = await until(ask(1));
    expect(answer?.grant?.source).toBe('upstream');
  });

  test('not again within 60 s of a login that failed', async () => {
    const { ask, until, pass, table, fegora } = await startCluster({ withoutTable: 'login' });
    table.trouble = () => 'down';
    fegora.addFault({ kind: 'answer', status: 503 });
    await until(ask(0));
    await pass(59_999);
    const [tooSoon] = await until(ask(0));
    expect(tooSoon?.error?.code).toBe('table_unavailable');
    expect(fegora.counters().attempts).toBe(1);

    await pass(1);
    const [answer] = await until(ask(0));
    expect(answer?.grant?.source).toBe('upstream');
  });

  test('a login that succeeds ends the row of doubtful answers', async () => {
    const { ask, until, pass, table, fegora } = await startCluster({ withoutTable: 'login', lifetimeSeconds: 21 });
    table.trouble = () => 'down';
    for (const isDoubtful of [true, false, true, false]) {
      if (isDoubtful) {
        fegora.addFault({ kind: 'answer', status: 400, body: 'no' });
      }
      await until(ask(0));
      await pass(60_000);
    }

    expect(fegora.counters()).toMatchObject({ logins: 2 });
  });
});

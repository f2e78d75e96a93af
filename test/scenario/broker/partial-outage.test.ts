// Tests a table that works in part and other half-working dependencies, with environments on virtual time.
import { describe, expect, test } from 'vitest';
import type { Item } from '../../../lambda/broker/item.ts';
import {
  account,
  type Cluster,
  forcedLogins,
  goodPassword,
  startCluster,
  type TableTrouble,
  username,
} from '../../support/cluster.ts';

const hourMs = 3_600_000;

/** Lets the writes of one environment fail. Reads still work. */
function refuseWrites(table: Cluster['table'], only: number, trouble: TableTrouble = 'throttled'): void {
  table.trouble = (operation, environment) =>
    operation === 'UpdateItem' && environment === only ? trouble : undefined;
}

function restoreTable(table: Cluster['table']): void {
  table.trouble = () => undefined;
}

describe('a table that can be read but not written', () => {
  test('promise 12: answers table_unavailable at once, counts it and makes no login when the table refuses writes', async () => {
    const { ask, until, table, observed, fegora } = await startCluster();
    refuseWrites(table, 0);
    const [answer] = await until(ask(0));

    expect(answer?.error?.code).toBe('table_unavailable');
    expect(answer?.tookMs).toBeLessThan(1000);
    expect(observed('table_unavailable')).toBe(1);
    expect(fegora.counters().logins).toBe(0);
  });

  test('shares a token that the table accepts only at the second try', async () => {
    const { ask, until, table, fegora } = await startCluster({ environments: 2 });
    let writes = 0;
    table.trouble = (operation) => {
      writes += operation === 'UpdateItem' ? 1 : 0;
      return operation === 'UpdateItem' && writes === 2 ? 'throttled' : undefined;
    };
    const [first] = await until(ask(0));
    const [second] = await until(ask(1));

    expect(first).toMatchObject({ grant: { source: 'upstream' } });
    expect(second).toMatchObject({ tookMs: 0, grant: { source: 'shared', token: first?.grant?.token } });
    expect(fegora.counters().attempts).toBe(1);
  });

  test('delays the caller by at most 2 s when the table never accepts the token', async () => {
    const { ask, until, table } = await startCluster();
    let writes = 0;
    table.trouble = (operation) => {
      writes += operation === 'UpdateItem' ? 1 : 0;
      return operation === 'UpdateItem' && writes > 1 ? 'throttled' : undefined;
    };
    const [answer] = await until(ask(0));

    expect(answer).toMatchObject({ tookMs: 2000, grant: { source: 'upstream' } });
    expect(table.rows.get(account)).not.toHaveProperty('access_token');
  });

  test('promise 19: answers credentials_rejected at once in every environment when the table accepts only the rejection', async () => {
    const { ask, until, table, fegora } = await startCluster({ environments: 2, password: 'wrong' });
    let writes = 0;
    table.trouble = (operation) => {
      writes += operation === 'UpdateItem' ? 1 : 0;
      return operation === 'UpdateItem' && writes > 2 ? 'throttled' : undefined;
    };
    await until(ask(0));
    expect(Number(table.rows.get(account)?.lease_until?.N)).toBeGreaterThan(0);
    const [other] = await until(ask(1));

    expect(other).toMatchObject({ tookMs: 0, error: { code: 'credentials_rejected' } });
    expect(fegora.counters().attempts).toBe(1);
  });

  test('promise 73: sends a wrong password three times a day when each holder dies and the table takes only claims', async () => {
    const { ask, until, pass, table, fegora, restart } = await startCluster({ password: 'wrong' });
    table.trouble = (_, __, update) => (update === '' || update.includes('#owner = :owner') ? undefined : 'throttled');
    const codes = new Set<string | undefined>();
    for (let minutes = 0; minutes < 23 * 60; minutes += 10) {
      const [answer] = await until(ask(0));
      codes.add(answer?.error?.code);
      restart(0);
      await pass(600_000);
    }

    expect(fegora.counters().attempts).toBe(3);
    expect(codes).toEqual(new Set(['credentials_rejected', 'too_many_refusals']));
  });

  test('promise 14: serves a newer shared token in an environment whose rejection could not be stored', async () => {
    const { ask, until, pass, table, secret, observed } = await startCluster({ environments: 2, password: 'wrong' });
    let writes = 0;
    table.trouble = (operation, environment) => {
      writes += operation === 'UpdateItem' && environment === 0 ? 1 : 0;
      return operation === 'UpdateItem' && environment === 0 && writes > 1 ? 'throttled' : undefined;
    };
    const [refused] = await until(ask(0));
    expect(refused?.error?.code).toBe('credentials_rejected');
    expect(observed('mark_unwritten')).toBe(1);

    secret.current = () => ({ versionId: 'v2', password: goodPassword });
    await pass(18_000);
    const [renewed] = await until(ask(1));
    const [shared] = await until(ask(0));
    expect(shared?.grant).toMatchObject({ source: 'shared', token: renewed?.grant?.token });
  });
});

describe('promise 13: an item that cannot be read', () => {
  test.for([
    ['schema', { N: '2' }],
    ['lease_until', { S: 'tomorrow' }],
    ['lease_until', { N: '99999999999999' }],
    ['retry_at', { BOOL: true }],
    ['retry_at', { N: '9e125' }],
    ['marks', { S: 'one' }],
    ['revision', { N: '0' }],
  ] as const)('serves no token and makes no login when the item has an unreadable %s', async ([attribute, value]) => {
    const { ask, until, table, fegora } = await startCluster({ environments: 2 });
    await until(ask(0));
    const row = table.rows.get(account);
    table.rows.set(account, { ...row, [attribute]: value });

    const [answer] = await until(ask(1));
    expect(answer?.error?.code).toBe('table_unavailable');
    const [served] = await until(ask(0));
    expect(served?.grant?.source).toBe('memory');
    expect(fegora.counters().logins).toBe(1);
  });

  test('logs in at once when the item has a last login in the future', async () => {
    const { ask, until, pass, table } = await startCluster();
    await until(ask(0));
    await pass(1_801_000);
    table.rows.set(account, { ...table.rows.get(account), last_login: { N: '99999999999999' } });
    const [answer] = await until(ask(0));

    expect(answer).toMatchObject({ tookMs: 0, grant: { source: 'upstream' } });
  });

  test('shows operators which attribute of the item is unreadable', async () => {
    const { brokers, ask, until, table } = await startCluster();
    await until(ask(0));
    table.rows.set(account, { ...table.rows.get(account), schema: { N: '2' } });
    const [item] = await until<Item | undefined>(Promise.resolve(brokers[0]?.status(account, () => 25_000)));
    expect(item?.fault).toBe('schema');
  });
});

describe('promise 5: a wall clock that is corrected', () => {
  test('reads the table again when the wall clock was corrected during the read', async () => {
    const { ask, until, table, shiftMs, observed } = await startCluster();
    table.trouble = () => {
      shiftMs[0] = 2500;
      return undefined;
    };
    const [answer] = await until(ask(0));

    expect(answer?.grant?.source).toBe('upstream');
    expect(observed('clock_unsteady')).toBe(0);
  });
});

describe('promise 37: the remaining lifetime', () => {
  test('looks for a new token by the true remaining lifetime when the wall clock was set back', async () => {
    const { ask, until, pass, table, shiftMs } = await startCluster();
    await until(ask(0));
    await pass(1_000_000);
    shiftMs[0] = -2 * hourMs;
    const before = table.calls.length;
    await until(ask(0, { minValidityMs: 900_000 }));

    expect(table.calls.length).toBeGreaterThan(before);
  });

  test('answers the true remaining lifetime when the wall clock was set back', async () => {
    const { ask, until, pass, shiftMs } = await startCluster();
    await until(ask(0));
    await pass(60_000);
    shiftMs[0] = -2 * hourMs;

    const [answer] = await until(ask(0, { minValidityMs: 1_000 }));
    expect(answer?.grant).toMatchObject({ source: 'memory', remainingMs: 1_740_000 });
  });
});

describe('promise 9: a servable token', () => {
  test('keeps the cached token when an operator’s change failed', async () => {
    const { brokers, ask, until, table } = await startCluster();
    await until(ask(0));
    table.trouble = () => 'down';
    const change = brokers[0]?.amend(account, 'purge', () => 25_000).catch(() => 'failed');
    expect(await until(Promise.resolve(change))).toEqual(['failed']);

    const [answer] = await until(ask(0));
    expect(answer?.grant?.source).toBe('memory');
  });

  test('keeps a newer cached token when the table holds an older one', async () => {
    const { ask, until, pass, table } = await startCluster();
    const [first] = await until(ask(0));
    await pass(60_000);
    let writes = 0;
    table.trouble = (operation) => {
      writes += operation === 'UpdateItem' ? 1 : 0;
      return operation === 'UpdateItem' && writes > 1 ? 'throttled' : undefined;
    };
    const rejected = String(first?.grant?.token.fingerprint);
    const [second] = await until(ask(0, { rejected }));
    expect(second?.grant?.source).toBe('upstream');

    await pass(1_300_000);
    const [third] = await until(ask(0));
    expect(third?.grant?.token).toEqual(second?.grant?.token);
  });

  test('gives no warning to other callers when only the reporter of a token met a failure', async () => {
    const { ask, until, table, observed } = await startCluster();
    const [first] = await until(ask(0));
    table.trouble = () => 'down';
    const rejected = 'f'.repeat(64);
    const [reported] = await until(ask(0, { rejected }));
    expect(reported?.grant).toMatchObject({ token: first?.grant?.token, warning: 'renewal_failing' });
    expect(observed('table_unavailable')).toBe(1);

    restoreTable(table);
    const [later] = await until(ask(0));
    expect(later?.grant).not.toHaveProperty('warning');
  });
});

describe('promise 7: a caller whose time ends during a read of the table', () => {
  test('answers deadline and counts no table failure when the time ends during a read of the table', async () => {
    const { ask, until, table, observed } = await startCluster();
    table.trouble = () => 'hanging';
    const [answer] = await until(ask(0, {}, 1_500));

    expect(answer?.error?.code).toBe('deadline');
    expect(observed('table_unavailable')).toBe(0);
  });
});

describe('promise 19: a claim that sent nothing', () => {
  test('keeps the retry of a rejected version when its login could not connect', async () => {
    const { ask, until, pass, table, fegora, route } = await startCluster();
    await until(ask(0));
    fegora.setPassword(username, 'changed-elsewhere');
    await pass(1_801_000);
    await until(ask(0));
    expect(fegora.counters().refusals).toBe(1);

    await pass(1_801_000);
    route.isUnreachable = true;
    await until(ask(0));
    route.isUnreachable = false;
    await pass(10_000);
    await until(ask(0));
    expect(fegora.counters().refusals).toBe(2);
    expect(Number(table.rows.get(account)?.next_try?.N)).toBeGreaterThan(0);
  });

  /** Lets the first environment's clock jump during its claim, so that the guard stops the login. */
  function jumpAtClaim({ table, shiftMs }: Cluster): void {
    table.trouble = (operation, environment) => {
      if (operation === 'UpdateItem' && environment === 0) {
        shiftMs[0] = hourMs;
      }
      return undefined;
    };
  }

  test('keeps the retry of a rejected version when the guard stopped its login', async () => {
    const cluster = await startCluster({ environments: 2 });
    const { ask, until, pass, fegora } = cluster;
    await until(ask(0));
    fegora.setPassword(username, 'changed-elsewhere');
    await pass(1_801_000);
    await until(ask(0));
    await pass(1_801_000);
    jumpAtClaim(cluster);
    await until(ask(0));
    expect(cluster.observed('guard_expired')).toBe(1);
    expect(fegora.counters().refusals).toBe(1);

    await until(ask(1));
    expect(fegora.counters().refusals).toBe(2);
  });

  test('promise 36: does not count a forced renewal when the guard stopped its login', async () => {
    const cluster = await startCluster({ environments: 2 });
    const { ask, until } = cluster;
    const [first] = await until(ask(0));
    jumpAtClaim(cluster);
    await until(ask(0, { rejected: String(first?.grant?.token.fingerprint) }));

    expect(cluster.observed('guard_expired')).toBe(1);
    expect(forcedLogins(cluster)).toBe(0);
  });
});

test('answers paused without an alarm when an operator paused the account and there is no token', async () => {
  const { brokers, ask, until, fegora } = await startCluster();
  await until(Promise.resolve(brokers[0]?.amend(account, 'pause', () => 25_000)));
  const [answer] = await until(ask(0));

  expect(answer?.error?.code).toBe('paused');
  expect(fegora.counters().logins).toBe(0);
});

import { describe, expect, test } from 'vitest';
import type { Item } from '../../../lambda/broker/item.ts';
import {
  account,
  type Cluster,
  goodPassword,
  startCluster,
  type TableTrouble,
  username,
} from '../../support/cluster.ts';

const hourMs = 3_600_000;

/** The table answers reads, and nothing else, in this environment. */
function refuseWrites(table: Cluster['table'], only: number, trouble: TableTrouble = 'throttled'): void {
  table.trouble = (operation, environment) =>
    operation === 'UpdateItem' && environment === only ? trouble : undefined;
}

function mend(table: Cluster['table']): void {
  table.trouble = () => undefined;
}

describe('a table that can be read and not written', () => {
  test('promise 12: is told at once, and counted; nobody logs in', async () => {
    const { ask, until, table, observed, fegora } = await startCluster();
    refuseWrites(table, 0);
    const [answer] = await until(ask(0));

    expect(answer?.error?.code).toBe('table_unavailable');
    expect(answer?.tookMs).toBeLessThan(1000);
    expect(observed('table_unavailable')).toBe(1);
    expect(fegora.counters().logins).toBe(0);
  });

  test('and that takes a token at the second try, has it for all; its login is over', async () => {
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

  test('and does not take the token at all, keeps its caller waiting for 2 s at most', async () => {
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

  test('promise 19: and takes no more than a mark, still tells everybody at once', async () => {
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

  test('promise 14: hides no token that it holds from one whose mark it does not take', async () => {
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

describe('promise 13: an item that cannot be understood', () => {
  test.for([
    ['schema', { N: '2' }],
    ['lease_until', { S: 'tomorrow' }],
    ['lease_until', { N: '99999999999999' }],
    ['retry_at', { BOOL: true }],
    ['retry_at', { N: '9e125' }],
    ['marks', { S: 'one' }],
    ['revision', { N: '0' }],
  ] as const)('in its %s is served to nobody, and nobody logs in', async ([attribute, value]) => {
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

  test('for a login that is yet to come holds nobody up', async () => {
    const { ask, until, pass, table } = await startCluster();
    await until(ask(0));
    await pass(1_801_000);
    table.rows.set(account, { ...table.rows.get(account), last_login: { N: '99999999999999' } });
    const [answer] = await until(ask(0));

    expect(answer).toMatchObject({ tookMs: 0, grant: { source: 'upstream' } });
  });

  test('is shown to operators as what it is', async () => {
    const { brokers, ask, until, table } = await startCluster();
    await until(ask(0));
    table.rows.set(account, { ...table.rows.get(account), schema: { N: '2' } });
    const [item] = await until<Item | undefined>(Promise.resolve(brokers[0]?.status(account, () => 25_000)));
    expect(item?.fault).toBe('schema');
  });
});

describe('promise 5: a wall clock that is set', () => {
  test('while the table is read, and is in time with it then: read once more', async () => {
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

describe('promise 37: what is said of the life left', () => {
  test('counts for the validity asked for as well', async () => {
    const { ask, until, pass, table, shiftMs } = await startCluster();
    await until(ask(0));
    await pass(1_000_000);
    shiftMs[0] = -2 * hourMs;
    const before = table.calls.length;
    await until(ask(0, { minValidityMs: 900_000 }));

    expect(table.calls.length).toBeGreaterThan(before);
  });

  test('is true although the wall clock was set back', async () => {
    const { ask, until, pass, shiftMs } = await startCluster();
    await until(ask(0));
    await pass(60_000);
    shiftMs[0] = -2 * hourMs;

    const [answer] = await until(ask(0, { minValidityMs: 1_000 }));
    expect(answer?.grant).toMatchObject({ source: 'memory', remainingMs: 1_740_000 });
  });
});

describe('promise 9: a good token', () => {
  test('is not given up for an operator’s change that failed', async () => {
    const { brokers, ask, until, table } = await startCluster();
    await until(ask(0));
    table.trouble = () => 'down';
    const change = brokers[0]?.amend(account, 'purge', () => 25_000).catch(() => 'failed');
    expect(await until(Promise.resolve(change))).toEqual(['failed']);

    const [answer] = await until(ask(0));
    expect(answer?.grant?.source).toBe('memory');
  });

  test('that the table could not take is not given up for the older one that it holds', async () => {
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

  test('carries no warning for a failure that concerned nobody but its reporter', async () => {
    const { ask, until, table, observed } = await startCluster();
    const [first] = await until(ask(0));
    table.trouble = () => 'down';
    const rejected = 'f'.repeat(64);
    const [reported] = await until(ask(0, { rejected }));
    expect(reported?.grant).toMatchObject({ token: first?.grant?.token, warning: 'renewal_failing' });
    expect(observed('table_unavailable')).toBe(1);

    mend(table);
    const [later] = await until(ask(0));
    expect(later?.grant).not.toHaveProperty('warning');
  });
});

describe('promise 7: a caller whose time is up while the table is read', () => {
  test('is told so, and the table is not blamed', async () => {
    const { ask, until, table, observed } = await startCluster();
    table.trouble = () => 'hanging';
    const [answer] = await until(ask(0, {}, 1_500));

    expect(answer?.error?.code).toBe('deadline');
    expect(observed('table_unavailable')).toBe(0);
  });
});

describe('promise 19: a claim that sent nothing', () => {
  test('does not use up the rare try of a refused version', async () => {
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

  /** The clock of the first environment jumps while it claims, so that nothing may be sent. */
  function jumpAtClaim({ table, shiftMs }: Cluster): void {
    table.trouble = (operation, environment) => {
      if (operation === 'UpdateItem' && environment === 0) {
        shiftMs[0] = hourMs;
      }
      return undefined;
    };
  }

  test('nor does one that the guard gave up', async () => {
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

  test('promise 36: nor a forced renewal', async () => {
    const cluster = await startCluster({ environments: 2 });
    const { ask, until, table } = cluster;
    const [first] = await until(ask(0));
    jumpAtClaim(cluster);
    await until(ask(0, { rejected: String(first?.grant?.token.fingerprint) }));

    expect(cluster.observed('guard_expired')).toBe(1);
    expect(table.rows.get(account)?.forced_count?.N).toBe('0');
  });
});

test('an operator’s pause holds callers without a token, and is no trouble that an alarm should tell of', async () => {
  const { brokers, ask, until, observed, fegora } = await startCluster();
  await until(Promise.resolve(brokers[0]?.amend(account, 'pause', () => 25_000)));
  const [answer] = await until(ask(0));

  expect(answer?.error?.code).toBe('paused');
  expect(observed('retry_held')).toBe(0);
  expect(fegora.counters().logins).toBe(0);
});

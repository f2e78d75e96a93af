// Tests how the end of a login is written (lambda/broker/login/settlement.ts).
import { describe, expect, test } from 'vitest';
import type { Rejection } from '../../../../../lambda/broker/item.ts';
import { createLocalState } from '../../../../../lambda/broker/local-state.ts';
import { createSettlement } from '../../../../../lambda/broker/login/settlement.ts';
import type { Failure, Noticed } from '../../../../../lambda/broker/ports.ts';
import { answeredTable, type TableAnswer } from '../../../../support/core/account-ports.ts';
import { ownKey } from '../../../../support/core/login-order.ts';
import { createVirtualClock } from '../../../../support/virtual-clock.ts';

const end: Failure = { kind: 'fail', owner: 'owner-1', endLease: true };
const rejection: Rejection = { kind: 'reject', key: ownKey };
const down = (times: number): TableAnswer[] => Array.from({ length: times }, () => 'down');

/** Writes to a table that answers like this, with a random number of 0.5: it tries again every 150 ms. */
function scene(...answers: TableAnswer[]) {
  const clock = createVirtualClock();
  const { table, writes, written } = answeredTable(clock, answers);
  const observed: Noticed[] = [];
  const state = { ...createLocalState(), secretAskedAt: 5 };
  const observe = (noticed: Noticed) => void observed.push(noticed);
  const settlement = createSettlement({ clock, table, random: () => 0.5, observe }, state);
  return { clock, writes, written, observed, state, ...settlement };
}

describe('the end of a login', () => {
  test('is written once when the table takes it', async () => {
    const { clock, settle, writes, observed } = scene();

    expect(await clock.until(settle(end))).toBe('written');
    expect(writes).toEqual([{ atMs: 0, change: end }]);
    expect(observed).toEqual([]);
  });

  test('is refused and not tried again when another claim came in between', async () => {
    const { clock, settle, writes, observed } = scene('refused');

    expect(await clock.until(settle(end))).toBe('refused');
    expect(writes).toHaveLength(1);
    expect(observed).toEqual([]);
  });

  test('is tried again 100 to 200 ms later when the table is down', async () => {
    const { clock, settle, writes, observed } = scene('down', 'down');

    expect(await clock.until(settle(end))).toBe('written');
    expect(writes).toEqual([0, 150, 300].map((atMs) => ({ atMs, change: end })));
    expect(observed).toEqual([]);
  });

  test('is given up after 2 s and reported when the table stays down', async () => {
    const { clock, settle, writes, observed } = scene(...down(20));

    expect(await clock.until(settle(end))).toBe('unwritten');
    expect(clock.monotonic()).toBe(2000);
    expect(writes).toHaveLength(14);
    expect(observed).toEqual([{ kind: 'table_unavailable' }]);
  });

  test('is given up after 2 s and reported when the table does not answer', async () => {
    const { clock, settle, writes, observed } = scene('hangs');

    expect(await clock.until(settle(end))).toBe('unwritten');
    expect(clock.monotonic()).toBe(2000);
    expect(writes).toHaveLength(1);
    expect(observed).toEqual([{ kind: 'table_unavailable' }]);
  });
});

describe('the rejection of credentials', () => {
  test('is written before the end of the lease, and the secret may be asked for at once, when the table takes both', async () => {
    const { clock, reject, written, observed, state } = scene();
    await clock.until(reject(rejection, end));

    expect(written()).toEqual([rejection, end]);
    expect(observed).toEqual([]);
    expect(state.secretAskedAt).toBe(Number.NEGATIVE_INFINITY);
    expect(state.unwrittenRejections.size).toBe(0);
  });

  test('stays in memory and leaves the lease when the table refuses it', async () => {
    const { clock, reject, written, observed, state } = scene('refused');
    await clock.until(reject(rejection, end));

    expect(written()).toEqual([rejection]);
    expect(observed).toEqual([{ kind: 'mark_unwritten' }]);
    expect([...state.unwrittenRejections]).toEqual([[ownKey, rejection]]);
    expect(state.secretAskedAt).toBe(Number.NEGATIVE_INFINITY);
  });

  test('stays in memory and leaves the lease when the table is down for 2 s', async () => {
    const { clock, reject, written, observed, state } = scene(...down(20));
    await clock.until(reject(rejection, end));

    expect(clock.monotonic()).toBe(2000);
    expect(new Set(written())).toEqual(new Set([rejection]));
    expect(observed).toEqual([{ kind: 'table_unavailable' }, { kind: 'mark_unwritten' }]);
    expect(state.unwrittenRejections.get(ownKey)).toBe(rejection);
  });

  test('does not stay in memory when only the end of the lease cannot be written in the 2 s for both', async () => {
    const { clock, reject, writes, observed, state } = scene(...down(10), 'done', 'hangs');
    await clock.until(reject(rejection, end));

    expect(clock.monotonic()).toBe(2000);
    expect(writes.at(-1)).toEqual({ atMs: 1500, change: end });
    expect(observed).toEqual([{ kind: 'table_unavailable' }]);
    expect(state.unwrittenRejections.size).toBe(0);
  });
});

// Tests how a patient login makes its lease last longer (lambda/broker/login/lease-extension.ts).
import { describe, expect, test } from 'vitest';
import { type Lease, whileExtending } from '../../../../../lambda/broker/login/lease-extension.ts';
import { claimOf } from '../../../../../lambda/broker/login/lease-records.ts';
import { armGuard } from '../../../../../lambda/broker/login/login-guard.ts';
import { answeredTable, type TableAnswer } from '../../../../support/core/account-ports.ts';
import { noon, orderWith } from '../../../../support/core/login-order.ts';
import { createVirtualClock } from '../../../../support/virtual-clock.ts';

/** A lease that was claimed at noon, and a table that answers its extensions like this. */
function scene(patientMs: number | undefined, ...answers: TableAnswer[]) {
  const clock = createVirtualClock(noon);
  const { table, writes } = answeredTable(clock, answers);
  const guard = armGuard(clock, { deadlineMs: 8000, ...(patientMs !== undefined && { patientMs }) });
  const claim = claimOf(orderWith(), noon);
  const lease: Lease = { claim, guard, patientMs, until: claim.leaseUntil };
  const extension = (atMs: number, leaseMs: number) => ({
    atMs,
    change: { kind: 'extend', owner: claim.owner, leaseUntil: noon + leaseMs },
  });
  const whileSleeping = (ms: number) => whileExtending({ clock, table }, lease, () => clock.sleep(ms));
  return { clock, table, writes, guard, lease, extension, whileSleeping };
}

describe('the lease of a login', () => {
  test('is not extended when the login listens no longer than others', async () => {
    const { clock, table, writes, lease } = scene(undefined);
    const work = async () => {
      await clock.sleep(20_000);
      return 'answer';
    };

    expect(await clock.until(whileExtending({ clock, table }, lease, work))).toBe('answer');
    expect(writes).toEqual([]);
    expect(lease.until).toBe(noon + 15_000);
  });

  test('lasts 15 s from each fourth second when the login is patient, at most 7 s longer than the login', async () => {
    const { clock, writes, lease, extension, whileSleeping } = scene(21_000);
    await clock.until(whileSleeping(20_999));

    expect(writes).toEqual([
      extension(4000, 19_000),
      extension(8000, 23_000),
      extension(12_000, 27_000),
      extension(16_000, 28_000),
      extension(20_000, 28_000),
    ]);
    expect(lease.until).toBe(noon + 28_000);
  });

  test('is not extended any more when the login has ended, however it ended', async () => {
    const { clock, table, writes, lease } = scene(21_000);
    const work = async () => {
      await clock.sleep(3999);
      throw new Error('the work failed');
    };

    await expect(clock.until(whileExtending({ clock, table }, lease, work))).rejects.toThrow('the work failed');
    await clock.advance(20_000);
    expect(writes).toEqual([]);
  });

  test('is known when the login has ended: an extension under way is awaited', async () => {
    const { clock, lease, guard, writes, whileSleeping } = scene(21_000, 'hangs');
    let isOver = false;
    void whileSleeping(5000).then(() => {
      isOver = true;
    });
    await clock.advance(7999);

    expect(isOver).toBe(false);
    await clock.advance(1);
    expect(isOver).toBe(true);
    expect(guard.signal.aborted).toBe(true);
    expect(writes).toHaveLength(1);
    expect(lease.until).toBe(noon + 15_000);
  });
});

describe('a patient login', () => {
  test('may go on for 8 s more when its lease was extended', async () => {
    const { clock, guard, whileSleeping } = scene(21_000, 'done', 'down', 'down', 'down');
    void whileSleeping(20_000);
    await clock.advance(11_999);

    expect(guard.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(guard.signal.aborted).toBe(true);
  });

  test('is given up and extends no more when another environment has the lease', async () => {
    const { clock, guard, lease, writes, whileSleeping } = scene(21_000, 'refused');
    void whileSleeping(20_000);
    await clock.advance(3999);

    expect(guard.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(guard.signal.aborted).toBe(true);
    await clock.advance(20_000);
    expect(writes).toHaveLength(1);
    expect(lease.until).toBe(noon + 15_000);
  });

  test('goes on, and extends its lease 4 s later, when the table was down', async () => {
    const { clock, guard, lease, extension, writes, whileSleeping } = scene(21_000, 'down');
    void whileSleeping(20_000);
    await clock.advance(7999);

    expect(writes).toEqual([extension(4000, 19_000)]);
    expect(lease.until).toBe(noon + 15_000);
    expect(guard.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(writes.slice(1)).toEqual([extension(8000, 23_000)]);
    expect(lease.until).toBe(noon + 23_000);
  });
});

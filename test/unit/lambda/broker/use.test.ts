// Tests which accounts count as in use (lambda/broker/use.ts).
import { describe, expect, test } from 'vitest';
import { emptyItem } from '../../../../lambda/aws/item-record.ts';
import { createAccountBroker } from '../../../../lambda/broker/account-broker.ts';
import type { Item } from '../../../../lambda/broker/item.ts';
import { createLocalState } from '../../../../lambda/broker/local-state.ts';
import type { Change } from '../../../../lambda/broker/ports.ts';
import type { RefreshGoal } from '../../../../lambda/broker/refresh.ts';
import { createRefresh } from '../../../../lambda/broker/refresh-loop.ts';
import { fingerprint } from '../../../../lambda/broker/token.ts';
import { useOfNew, useToNote } from '../../../../lambda/broker/use.ts';
import { BrokerError } from '../../../../lambda/errors.ts';
import { accountScene, issuedToken, noon, tokenWith } from '../../../support/core/account-scene.ts';

type Kind = RefreshGoal['kind'];

describe('a new token', () => {
  test.each<[Kind, Pick<Item, 'dueAt' | 'isUnasked'>, string | undefined]>([
    ['serve', {}, 'asked'],
    ['refresh-ahead', { dueAt: noon, isUnasked: true }, 'asked'],
    ['check', { dueAt: noon }, 'asked'],
    ['warm', { dueAt: noon }, 'unasked'],
    ['verify', { dueAt: noon }, 'unasked'],
    ['warm', { dueAt: noon, isUnasked: true }, 'idle'],
    ['warm', {}, undefined],
    ['verify', {}, undefined],
  ])('that is bought for %s, when the item notes %o, is noted as %s', (kind, noted, use) => {
    expect(useOfNew(noted, kind)).toEqual(use === undefined ? {} : { use });
  });
});

describe('a stored token', () => {
  const current = tokenWith(500_000);
  const opensAt = noon + 300_000;
  const failure = new BrokerError('upstream_timeout', 'not reached');
  const late = new BrokerError('deadline', 'no time');

  test.each<[string, Kind, Partial<Item>, { failure?: BrokerError; isGone?: boolean; use?: string }]>([
    ['a caller finds one that is not noted', 'serve', {}, { use: 'asked' }],
    ['a caller checks one that a warm-up bought', 'check', { dueAt: opensAt, isUnasked: true }, { use: 'asked' }],
    ['a caller could not renew it', 'refresh-ahead', {}, { failure, use: 'asked' }],
    ['a caller finds one that is noted', 'serve', { dueAt: opensAt }, {}],
    ['a caller finds none', 'serve', {}, { failure, isGone: true }],
    ['a caller finds it in a faulty item', 'serve', { fault: 'schema' }, {}],
    ['a warm-up finds one that is not due yet', 'warm', { dueAt: opensAt - 1 }, { use: 'asked' }],
    ['a warm-up finds one that is due', 'warm', { dueAt: opensAt }, {}],
    ['a warm-up fails, and it is still handed out', 'warm', { dueAt: opensAt }, { failure }],
    ['a warm-up fails, and there is none', 'warm', { dueAt: opensAt }, { failure, isGone: true, use: 'idle' }],
    ['a warm-up is only late', 'warm', { dueAt: opensAt }, { failure: late, isGone: true }],
    ['a verification fails, and there is none', 'verify', { dueAt: opensAt }, { failure, isGone: true, use: 'idle' }],
    ['a warm-up of a list fails', 'warm', {}, { failure, isGone: true }],
    ['a warm-up finds a faulty item', 'warm', { dueAt: 1, fault: 'schema' }, { failure, isGone: true }],
  ])('is noted when %s (%s)', (_, kind, rest, { failure: ended, isGone = false, use }) => {
    const item = { ...emptyItem('main'), ...rest };
    expect(useToNote({ item, current: isGone ? undefined : current }, kind, ended)).toBe(use);
  });
});

describe('a caller in the environment whose warm-up bought the token', () => {
  /** Returns the changes that the caller's environment wrote after a warm-up, in a broker that notes use, or does not. */
  async function changesAfterWarmUp(notesUse: boolean) {
    const scene = accountScene({ dueAt: noon, isUnasked: true }, { notesUse });
    const broker = createAccountBroker(scene.ports, 0);
    const remaining = () => 25_000;
    await scene.clock.until(broker.warm(remaining));
    const token = { ...tokenWith(600_000), accessToken: issuedToken, fingerprint: fingerprint(issuedToken) };
    scene.stored.item = { ...scene.stored.item, token, revision: 3 };
    scene.events.length = 0;
    await scene.clock.until(broker.getToken({}, remaining));
    await scene.clock.until(broker.getToken({}, remaining));
    return scene.events;
  }

  test('notes once that the account is in use, although the token is in memory', async () => {
    expect(await changesAfterWarmUp(true)).toEqual(['note']);
  });

  test('gets the token from memory when the broker has no queue of warm-ups', async () => {
    expect(await changesAfterWarmUp(false)).toEqual([]);
  });
});

describe('a refresh', () => {
  /** Refreshes for a goal, and returns the changes that it wrote. */
  async function changesOf(
    kind: Kind,
    rest: Partial<Item>,
    { notesUse = true, leftMs = 25_000, isDown = false, isSilent = false } = {},
  ) {
    const scene = accountScene(rest, { notesUse });
    const changes: Change[] = [];
    scene.table.write = async (_, change, late) => {
      changes.push(change);
      if (isSilent) {
        await scene.clock.sleep(30_000, late);
      }
      if (isDown) {
        throw new BrokerError('table_unavailable', 'down');
      }
      return true;
    };
    const refresh = createRefresh(scene.ports, createLocalState(), 0);
    const goal = { kind, minValidityMs: 0 };
    const result = await scene.clock.until(refresh({ goal, remaining: () => leftMs, until: 10_000 }));
    return { changes, result, waitedMs: scene.clock.monotonic() };
  }

  const token = tokenWith(500_000);

  test('notes that a caller asked for a token which a warm-up bought', async () => {
    const { changes, result } = await changesOf('serve', {
      token,
      dueAt: noon + 300_000,
      isUnasked: true,
      revision: 7,
    });

    expect(changes).toEqual([{ kind: 'note', dueAt: noon + 300_000 }]);
    expect(result).toMatchObject({ token });
  });

  test('notes that an account is in use no longer when its warm-up fails and no token is left', async () => {
    const paused = { paused: true, dueAt: noon, revision: 7 };

    expect((await changesOf('warm', paused)).changes).toEqual([{ kind: 'note', revision: 7 }]);
  });

  test('serves the token when the note cannot be written', async () => {
    const { changes, result } = await changesOf('serve', { token }, { isDown: true });

    expect(changes).toHaveLength(1);
    expect(result).toMatchObject({ token });
    expect(result.failure).toBeUndefined();
  });

  test.each([
    [25_000, 500],
    [900, 400],
  ])('with %i ms left, serves the token after %i ms when the note gets no answer', async (leftMs, waitedMs) => {
    const ended = await changesOf('serve', { token }, { leftMs, isSilent: true });

    expect(ended).toMatchObject({ waitedMs, result: { token } });
  });

  test.each<[Kind, Partial<Item>, string]>([
    ['serve', {}, 'asked'],
    ['warm', { dueAt: noon }, 'unasked'],
    ['warm', { dueAt: noon, isUnasked: true }, 'idle'],
  ])('for %s publishes its token with the note (%o), and writes no other note', async (kind, rest, use) => {
    const { changes } = await changesOf(kind, rest);

    expect(changes).toMatchObject([{ kind: 'publish', use }]);
  });

  test('notes nothing when the broker has no queue of warm-ups', async () => {
    expect((await changesOf('serve', { token }, { notesUse: false })).changes).toEqual([]);
    expect((await changesOf('serve', {}, { notesUse: false })).changes).not.toHaveProperty('0.use');
  });
});

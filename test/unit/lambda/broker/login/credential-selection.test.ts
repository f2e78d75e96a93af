// Tests which version of the secret a login uses (lambda/broker/login/credential-selection.ts).
import { describe, expect, test } from 'vitest';
import { credentialKey } from '../../../../../lambda/broker/item.ts';
import { createLocalState } from '../../../../../lambda/broker/local-state.ts';
import {
  createCredentialSelection,
  type SelectionOptions,
} from '../../../../../lambda/broker/login/credential-selection.ts';
import type { AccountPorts } from '../../../../../lambda/broker/ports.ts';
import { BrokerError } from '../../../../../lambda/errors.ts';
import { createVirtualClock } from '../../../../support/virtual-clock.ts';

const tokenUrl = 'https://api.fegora.com/token';
const keyOf = (versionId: string) => credentialKey(versionId, 'apiApp', tokenUrl);

function scene() {
  const clock = createVirtualClock();
  const secret = { cached: 'v1', latest: 'v1' };
  const reads: { readonly past: boolean }[] = [];
  const state = createLocalState();
  const readCredentials: AccountPorts['readCredentials'] = async ({ past }) => {
    reads.push({ past });
    const versionId = past ? secret.latest : secret.cached;
    return { username: '25365421', password: 'not-a-real-password', clientId: 'apiApp', versionId };
  };
  const select = createCredentialSelection({ clock, tokenUrl, readCredentials }, state);
  const options = (rejected: readonly string[], rest: Partial<SelectionOptions> = {}): SelectionOptions => ({
    item: { rejectedCredentials: new Set(rejected.map(keyOf)), sends: [] },
    isVerification: false,
    signal: new AbortController().signal,
    ...rest,
  });
  return { clock, secret, reads, select, state, options };
}

describe('the selection of credentials', () => {
  test('selects the cached credentials when they are not rejected', async () => {
    const { select, options, reads } = scene();

    expect(await select(options([]))).toMatchObject({
      credentials: { versionId: 'v1' },
      key: keyOf('v1'),
      isRetry: false,
    });
    expect(reads).toEqual([{ past: false }]);
  });

  test('reads the secret past the cache when the caller asks for that', async () => {
    const { select, options, reads } = scene();
    await select(options([], { isVerification: true }));

    expect(reads).toEqual([{ past: true }]);
  });

  test('selects another version when the cached one is rejected', async () => {
    const { select, options, secret, reads } = scene();
    secret.latest = 'v2';

    expect(await select(options(['v1']))).toMatchObject({ credentials: { versionId: 'v2' }, isRetry: false });
    expect(reads.map(({ past }) => past)).toEqual([false, true]);
  });

  test('fails with credentials_rejected when the latest version is rejected too', async () => {
    const { select, options, secret } = scene();
    secret.latest = 'v2';

    expect(await select(options(['v1', 'v2']))).toMatchObject({ code: 'credentials_rejected' });
  });

  test('reads the secret again at most every 5 s while the known version is rejected', async () => {
    const { clock, select, options, reads } = scene();
    const ask = async () => expect(await select(options(['v1']))).toBeInstanceOf(BrokerError);
    await ask();
    await ask();
    await clock.advance(4999);
    await ask();
    expect(reads.filter(({ past }) => past)).toHaveLength(1);
    await clock.advance(1);
    await ask();

    expect(reads.filter(({ past }) => past)).toHaveLength(2);
  });

  test('reads the secret past the cache only once when the caller asked for that', async () => {
    const { select, options, reads, state } = scene();
    expect(await select(options(['v1'], { isVerification: true }))).toMatchObject({ code: 'credentials_rejected' });

    expect(reads).toHaveLength(1);
    expect(state.secretAskedAt).toBe(Number.NEGATIVE_INFINITY);
  });

  test('does not select a version whose rejection is not written to the table yet', async () => {
    const { select, options, state, secret } = scene();
    state.unwrittenRejections.set(keyOf('v1'), { kind: 'reject', key: keyOf('v1') });

    expect(await select(options([]))).toMatchObject({ code: 'credentials_rejected' });
    secret.latest = 'v2';
    state.secretAskedAt = Number.NEGATIVE_INFINITY;
    expect(await select(options([]))).toMatchObject({ key: keyOf('v2') });
  });

  test('fails with the error of the secret when the secret cannot be read', async () => {
    const { options } = scene();
    const clock = createVirtualClock();
    const readCredentials = () => Promise.reject(new BrokerError('secret_unavailable', 'detail'));
    const failing = createCredentialSelection({ clock, tokenUrl, readCredentials }, createLocalState());

    expect(await failing(options([]))).toMatchObject({ code: 'secret_unavailable' });
  });
});

describe('a rejected version that logged in before', () => {
  test('retries a rejected version that logged in before when its retry is due', async () => {
    const { clock, select, options } = scene();
    const { item } = options(['v1']);
    const due = { ...item, lastGood: keyOf('v1'), retryRejectedAt: clock.now() + 1000 };

    expect(await select(options([], { item: due }))).toMatchObject({ code: 'credentials_rejected' });
    await clock.advance(1000);
    expect(await select(options([], { item: due }))).toMatchObject({ key: keyOf('v1'), isRetry: true });
  });

  test('does not retry a rejected version while its rejection is not written to the table yet', async () => {
    const { clock, select, options, state } = scene();
    const { item } = options(['v1']);
    state.unwrittenRejections.set(keyOf('v1'), { kind: 'reject', key: keyOf('v1') });
    const due = { ...item, lastGood: keyOf('v1'), retryRejectedAt: clock.now() };

    expect(await select(options([], { item: due }))).toMatchObject({ code: 'credentials_rejected' });
  });

  test('does not select another rejected version when a retry of the last good one is due', async () => {
    const { clock, select, options, secret } = scene();
    secret.latest = 'v2';
    const { item } = options(['v1', 'v2']);
    const due = { ...item, lastGood: keyOf('v1'), retryRejectedAt: clock.now() };

    expect(await select(options([], { item: due }))).toMatchObject({ code: 'credentials_rejected' });
  });
});

describe('credentials that were sent without a token', () => {
  const hourMs = 3_600_000;
  const sent = (at: readonly number[], versionId = 'v1') =>
    at.map((ms) => ({ at: ms, tag: keyOf(versionId).slice(0, 8) }));

  test('promise 71: are rejected when they were sent three times in 24 hours, also if no rejection is written', async () => {
    const { clock, select, options } = scene();
    const now = clock.now();
    const item = { rejectedCredentials: new Set<string>(), sends: sent([now - 23 * hourMs, now - 2 * hourMs, now]) };

    expect(await select(options([], { item }))).toMatchObject({ code: 'credentials_rejected' });
    await clock.advance(hourMs);
    expect(await select(options([], { item }))).toMatchObject({ key: keyOf('v1'), isRetry: false });
  });

  test('promise 71: are not retried when they were sent three times in 24 hours, however well they had worked', async () => {
    const { clock, select, options } = scene();
    const now = clock.now();
    const sends = sent([now - 10 * hourMs, now - 9 * hourMs, now - 3 * hourMs]);
    const worked = { lastGood: keyOf('v1'), retryRejectedAt: now };
    const item = { rejectedCredentials: new Set([keyOf('v1')]), ...worked, sends };

    expect(await select(options([], { item }))).toMatchObject({ code: 'credentials_rejected' });
    expect(await select(options([], { item: { ...item, sends: sends.slice(1) } }))).toMatchObject({ isRetry: true });
  });

  test('are selected once they were not sent for an hour when they logged in last', async () => {
    const { clock, select, options } = scene();
    const now = clock.now();
    const sends = sent([now - 23 * hourMs, now - 2 * hourMs, now - hourMs + 1]);
    const item = { rejectedCredentials: new Set<string>(), sends, lastGood: keyOf('v1') };

    expect(await select(options([], { item }))).toMatchObject({ code: 'credentials_rejected' });
    await clock.advance(1);
    expect(await select(options([], { item }))).toMatchObject({ key: keyOf('v1'), isRetry: false });
    const otherWasLast = { ...item, lastGood: keyOf('v0') };
    expect(await select(options([], { item: otherWasLast }))).toMatchObject({ code: 'credentials_rejected' });
  });

  test('are not held back by the sends of another version', async () => {
    const { clock, select, options } = scene();
    const now = clock.now();
    const item = { rejectedCredentials: new Set<string>(), sends: sent([now, now, now], 'v0') };

    expect(await select(options([], { item }))).toMatchObject({ key: keyOf('v1') });
  });
});

// Tests which version of the secret a login uses (lambda/broker/credential-selection.ts).
import { describe, expect, test } from 'vitest';
import { type Candidates, createCredentialChoice } from '../../../../lambda/broker/credential-selection.ts';
import { credentialKey } from '../../../../lambda/broker/item.ts';
import { emptyRecollection } from '../../../../lambda/broker/local-state.ts';
import type { Ports } from '../../../../lambda/broker/ports.ts';
import { BrokerError } from '../../../../lambda/errors.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const tokenUrl = 'https://api.fegora.com/token';
const keyOf = (versionId: string) => credentialKey(versionId, 'apiApp', tokenUrl);

function scene() {
  const clock = createVirtualClock();
  const secret = { cached: 'v1', latest: 'v1' };
  const reads: { readonly account: string; readonly past: boolean }[] = [];
  const ports: Pick<Ports, 'clock' | 'readCredentials' | 'tokenUrl'> = {
    clock,
    tokenUrl,
    readCredentials: async (account, { past }) => {
      reads.push({ account, past });
      const versionId = past ? secret.latest : secret.cached;
      return { username: '25365421', password: 'not-a-real-password', clientId: 'apiApp', versionId };
    },
  };
  const unused = () => {
    throw new Error('not for the choice');
  };
  const choose = createCredentialChoice({
    ...ports,
    random: unused,
    login: unused,
    observe: unused,
    table: { read: unused, claim: unused, write: unused },
  });
  const recollection = emptyRecollection();
  const candidates = (marks: readonly string[], rest: Partial<Candidates> = {}): Candidates => ({
    item: { account: 'main', marks: new Set(marks.map(keyOf)) },
    recollection,
    past: false,
    signal: new AbortController().signal,
    ...rest,
  });
  return { clock, secret, reads, choose, recollection, candidates };
}

describe('the choice of credentials', () => {
  test('chooses the cached credentials when they are not rejected', async () => {
    const { choose, candidates, reads } = scene();

    expect(await choose(candidates([]))).toMatchObject({
      credentials: { versionId: 'v1' },
      key: keyOf('v1'),
      proving: false,
    });
    expect(reads).toEqual([{ account: 'main', past: false }]);
  });

  test('reads the secret past the cache when the caller asks for that', async () => {
    const { choose, candidates, reads } = scene();
    await choose(candidates([], { past: true }));

    expect(reads).toEqual([{ account: 'main', past: true }]);
  });

  test('chooses another version when the cached one is rejected', async () => {
    const { choose, candidates, secret, reads } = scene();
    secret.latest = 'v2';

    expect(await choose(candidates(['v1']))).toMatchObject({ credentials: { versionId: 'v2' }, proving: false });
    expect(reads.map(({ past }) => past)).toEqual([false, true]);
  });

  test('fails with credentials_rejected when the latest version is rejected too', async () => {
    const { choose, candidates, secret } = scene();
    secret.latest = 'v2';

    await expect(choose(candidates(['v1', 'v2']))).rejects.toMatchObject({ code: 'credentials_rejected' });
  });

  test('reads the secret again at most every 5 s while the known version is rejected', async () => {
    const { clock, choose, candidates, reads } = scene();
    const ask = () => expect(choose(candidates(['v1']))).rejects.toBeInstanceOf(BrokerError);
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
    const { choose, candidates, reads, recollection } = scene();
    await expect(choose(candidates(['v1'], { past: true }))).rejects.toMatchObject({ code: 'credentials_rejected' });

    expect(reads).toHaveLength(1);
    expect(recollection.secretAskedAt).toBe(Number.NEGATIVE_INFINITY);
  });

  test('does not choose a version whose rejection is not written to the table yet', async () => {
    const { choose, candidates, recollection, secret } = scene();
    recollection.pendingMarks.set(keyOf('v1'), { kind: 'mark', key: keyOf('v1') });

    await expect(choose(candidates([]))).rejects.toMatchObject({ code: 'credentials_rejected' });
    secret.latest = 'v2';
    recollection.secretAskedAt = Number.NEGATIVE_INFINITY;
    expect(await choose(candidates([]))).toMatchObject({ key: keyOf('v2') });
  });

  test('fails with the error of the secret when the secret cannot be read', async () => {
    const { candidates } = scene();
    const clock = createVirtualClock();
    const failing = createCredentialChoice({
      clock,
      tokenUrl,
      readCredentials: () => Promise.reject(new BrokerError('secret_unavailable', 'detail')),
      random: () => 0,
      login: () => Promise.reject(new Error('unused')),
      observe: () => {},
      table: {
        read: () => Promise.reject(new Error('unused')),
        claim: () => Promise.reject(new Error('unused')),
        write: () => Promise.reject(new Error('unused')),
      },
    });

    await expect(failing(candidates([]))).rejects.toMatchObject({ code: 'secret_unavailable' });
  });
});

describe('a rejected version that logged in before', () => {
  test('retries a rejected version that logged in before when its retry is due', async () => {
    const { clock, choose, candidates } = scene();
    const { item } = candidates(['v1']);
    const due = { ...item, proven: keyOf('v1'), nextTry: clock.now() + 1000 };

    await expect(choose(candidates([], { item: due }))).rejects.toMatchObject({ code: 'credentials_rejected' });
    await clock.advance(1000);
    expect(await choose(candidates([], { item: due }))).toMatchObject({ key: keyOf('v1'), proving: true });
  });

  test('does not retry a rejected version while its rejection is not written to the table yet', async () => {
    const { clock, choose, candidates, recollection } = scene();
    const { item } = candidates(['v1']);
    recollection.pendingMarks.set(keyOf('v1'), { kind: 'mark', key: keyOf('v1') });
    const due = { ...item, proven: keyOf('v1'), nextTry: clock.now() };

    await expect(choose(candidates([], { item: due }))).rejects.toMatchObject({ code: 'credentials_rejected' });
  });

  test('does not choose another rejected version when a retry of the last good one is due', async () => {
    const { clock, choose, candidates, secret } = scene();
    secret.latest = 'v2';
    const { item } = candidates(['v1', 'v2']);
    const due = { ...item, proven: keyOf('v1'), nextTry: clock.now() };

    await expect(choose(candidates([], { item: due }))).rejects.toMatchObject({ code: 'credentials_rejected' });
  });
});

// Tests what the broker of one account serves from memory, when it looks at the table, and what operators get
// (lambda/broker/account-broker.ts).
import { describe, expect, test } from 'vitest';
import { createAccountBroker } from '../../../../lambda/broker/account-broker.ts';
import type { Item } from '../../../../lambda/broker/item.ts';
import { fingerprint } from '../../../../lambda/broker/token.ts';
import { BrokerError, type ErrorCode } from '../../../../lambda/errors.ts';
import {
  accountScene,
  connectionTo,
  credentials,
  issuedToken,
  noon,
  type SceneOptions,
  tokenWith,
} from '../../../support/core/account-scene.ts';

const remaining = () => 25_000;
const fresh = tokenWith(600_000);
const failedLogin = {
  kind: 'failed',
  error: new BrokerError('upstream_unavailable', 'detail'),
  reached: 'answered',
  answer: 'upstream_unavailable',
} as const;

/** @param jitter of the environment, from 0 to 1 */
function scene(rest: Partial<Item> = {}, options: SceneOptions = {}, jitter = 0) {
  const account = accountScene(rest, options);
  return { ...account, broker: createAccountBroker(account.ports, jitter) };
}

const unavailable = () => Promise.reject(new BrokerError('table_unavailable', 'detail'));

/** A table that answers nothing until the signal aborts. */
async function silent(_: unknown, signal: AbortSignal) {
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  return await unavailable();
}

function refusal(code: ErrorCode) {
  return expect.objectContaining({ code });
}

describe('a token for a caller', () => {
  test('takes the token from the table first, and from memory when it is asked for again', async () => {
    const { broker, reads, events } = scene({ token: fresh });

    expect(await broker.getToken({}, remaining)).toEqual({ token: fresh, source: 'shared', remainingMs: 600_000 });
    expect(await broker.getToken({}, remaining)).toEqual({ token: fresh, source: 'memory', remainingMs: 600_000 });
    expect({ reads, events }).toEqual({ reads: [0], events: [] });
  });

  test('waits for a login when the stored token runs out while the call prepares to renew it', async () => {
    const account = scene({ token: tokenWith(60_100) });
    const slow = createAccountBroker(
      {
        ...account.ports,
        login: async (signal) => {
          await account.clock.sleep(150);
          return account.ports.login(signal);
        },
      },
      0,
    );

    const grant = await account.clock.until(slow.getToken({}, remaining));
    expect(grant).toMatchObject({ source: 'upstream', token: { accessToken: issuedToken } });
    expect(account.claims).toHaveLength(1);
  });

  test('serves the cached token when it has exactly the validity asked for, and renews it when it has less', async () => {
    const { broker, reads, clock } = scene({ token: tokenWith(300_000) });
    await broker.getToken({}, remaining);
    await clock.advance(20_000);
    const sourceOf = async (minValidityMs: number) => (await broker.getToken({ minValidityMs }, remaining)).source;

    expect(await sourceOf(280_000)).toBe('memory');
    expect(reads).toEqual([0]);
    expect(await sourceOf(280_001)).toBe('upstream');
    expect(reads).toEqual([0, 20_000]);
  });

  test('warns of unmet validity when the token in memory has half its lifetime and less than what is asked for', async () => {
    const { broker, reads } = scene({ token: fresh });
    await broker.getToken({}, remaining);
    const grant = await broker.getToken({ minValidityMs: 600_001 }, remaining);

    expect(grant).toMatchObject({ source: 'memory', warning: 'min_validity_unmet' });
    expect(reads).toEqual([0]);
  });

  test('says that the renewal failed when it failed for a caller that asked for more validity', async () => {
    const token = tokenWith(290_000);
    const { broker } = scene({ token }, { login: async () => connectionTo(failedLogin) });
    const grant = await broker.getToken({ minValidityMs: 300_000 }, remaining);

    expect(grant).toMatchObject({ token, warning: 'renewal_failing' });
  });

  test('renews the reported token, and counts that for the caller by 8 hex digits', async () => {
    for (const [asked, name] of [
      [{ rejected: fresh.fingerprint, caller: 'role-1' }, 'role-1'],
      [{ rejected: fresh.fingerprint }, ''],
    ] as const) {
      const { broker, claims } = scene({ token: fresh });
      await broker.getToken({}, remaining);

      expect((await broker.getToken(asked, remaining)).token.accessToken).toBe(issuedToken);
      expect(claims.map(({ logins }) => logins)).toEqual([[{ at: noon, tag: fingerprint(name).slice(0, 8) }]]);
    }
  });

  test('looks at the table when another token than the cached one is reported', async () => {
    const { broker, reads } = scene({ token: fresh });
    await broker.getToken({}, remaining);

    const grant = await broker.getToken({ rejected: 'b'.repeat(64) }, remaining);
    expect(grant).toMatchObject({ token: fresh, source: 'memory' });
    expect(reads).toEqual([0, 0]);
  });

  test('throws the failure of the refresh when there is no token', async () => {
    const { broker } = scene({ paused: true });

    await expect(broker.getToken({}, remaining)).rejects.toEqual(refusal('paused'));
  });
});

describe('the wait of a caller', () => {
  const busy = { leaseUntil: noon + 15_000, owner: 'another' };

  test('waits for another login for 10 s at most when the caller has no token', async () => {
    const { broker, clock } = scene(busy);

    await expect(clock.until(broker.getToken({}, remaining))).rejects.toEqual(refusal('renewal_in_progress'));
    expect(clock.monotonic()).toBe(10_000);
  });

  test('waits until half a second before the end of the invocation when that is sooner', async () => {
    const { broker, clock } = scene(busy);

    await expect(clock.until(broker.getToken({}, () => 4000))).rejects.toEqual(refusal('renewal_in_progress'));
    expect(clock.monotonic()).toBe(3500);
  });

  test.for([
    ['before the renewal window', 600_000, 50_000],
    ['in the renewal window', 250_000, 50_000],
  ] as const)('waits for a look for 2 s at most when the token is %s', async ([, leftMs, pauseMs]) => {
    const token = tokenWith(leftMs);
    const { broker, clock, table } = scene({ token });
    await broker.getToken({}, remaining);
    await clock.advance(pauseMs);
    table.read = silent;
    const grant = await clock.until(broker.getToken({}, remaining));

    expect(grant).toMatchObject({ token, source: 'memory' });
    expect(clock.monotonic()).toBe(pauseMs + 2000);
  });
});

describe('a look at the table', () => {
  test('looks at the table 50 s after the look before it, and 5 s after one that failed', async () => {
    const { broker, clock, table, reads } = scene({ token: fresh });
    const { read } = table;
    const ask = async (afterMs: number) => {
      await clock.advance(afterMs);
      await clock.until(broker.getToken({}, remaining));
    };
    for (const afterMs of [0, 49_999, 1]) {
      await ask(afterMs);
    }
    expect(reads).toEqual([0, 50_000]);
    table.read = unavailable;
    await ask(50_000);
    table.read = read;
    await ask(4999);
    expect(reads).toEqual([0, 50_000]);
    await ask(1);

    expect(reads).toEqual([0, 50_000, 105_000]);
  });

  test('drops the token when an operator has raised the generation', async () => {
    const { broker, clock, stored } = scene({ token: fresh });
    await broker.getToken({}, remaining);
    await clock.advance(50_000);
    stored.item = { ...stored.item, generation: 1, paused: true };

    await expect(broker.getToken({}, remaining)).rejects.toEqual(refusal('paused'));
  });

  test('renews the token in the renewal window, and later by the jitter', async () => {
    for (const [jitter, leftMs, source] of [
      [0, 200_000, 'upstream'],
      [1, 150_001, 'memory'],
      [1, 150_000, 'upstream'],
    ] as const) {
      const { broker, clock } = scene({ token: tokenWith(210_000) }, {}, jitter);
      await broker.getToken({}, remaining);
      await clock.advance(210_000 - leftMs);

      expect((await broker.getToken({}, remaining)).source).toBe(source);
    }
  });
});

describe('a warm-up', () => {
  test('a warm-up finds the token fresh before its renewal window, and says when it expires', async () => {
    const { broker } = scene({ token: fresh });

    expect(await broker.warm(remaining)).toEqual({ outcome: 'fresh', expiresAt: noon + 600_000 });
  });

  test('a warm-up renews a token in its renewal window, whatever the jitter, and keeps it', async () => {
    const { broker, reads } = scene({ token: tokenWith(200_000) }, {}, 1);

    expect(await broker.warm(remaining)).toEqual({ outcome: 'renewed', expiresAt: noon + 600_000 });
    expect(await broker.getToken({}, remaining)).toMatchObject({
      token: { accessToken: issuedToken },
      source: 'memory',
    });
    expect(reads).toEqual([0]);
  });

  test('a warm-up is skipped when the login of another environment takes too long', async () => {
    const { broker, clock } = scene({ leaseUntil: noon + 15_000, owner: 'another' });

    expect(await clock.until(broker.warm(remaining))).toEqual({ outcome: 'skipped', retryAfterMs: 7000 });
  });

  test('a warm-up throws when its login failed, and keeps the token that was read', async () => {
    const { broker, reads } = scene({ token: tokenWith(200_000) }, { login: async () => connectionTo(failedLogin) });

    await expect(broker.warm(remaining)).rejects.toEqual(refusal('upstream_unavailable'));
    expect(await broker.getToken({}, remaining)).toMatchObject({ source: 'memory', warning: 'renewal_failing' });
    expect(reads).toEqual([0]);
  });
});

describe('a verification', () => {
  test('a verification logs in although the token is fresh when that was bought with another version', async () => {
    const { broker } = scene({ token: { ...fresh, versionId: 'v0' } });

    expect(await broker.verify(remaining)).toEqual({ outcome: 'renewed', expiresAt: noon + 600_000 });
  });

  test('a verification finds the token fresh when it was bought with the newest version of the secret', async () => {
    const { broker, events } = scene({ token: fresh });

    expect(await broker.verify(remaining)).toEqual({ outcome: 'fresh', expiresAt: noon + 600_000 });
    expect(events).toEqual([]);
  });

  const old = { ...fresh, versionId: 'v0' };
  const skipped = { outcome: 'skipped', expiresAt: noon + 600_000 };

  test('a verification is skipped, and says when to try again, when the gap after a login lasts too long', async () => {
    const { broker, reads } = scene({ token: old, lifetimeMs: 600_000, lastLogin: noon });

    expect(await broker.verify(remaining)).toEqual({ ...skipped, retryAfterMs: 60_001 });
    expect(reads).toEqual([0]);
  });

  test('a verification waits out a gap if 12 s are left after it, and then logs in', async () => {
    for (const [leftMs, outcome] of [
      [15_000, 'skipped'],
      [15_001, 'renewed'],
    ] as const) {
      const { broker, clock, reads } = scene({ token: old, lifetimeMs: 600_000, lastLogin: noon - 57_000 });
      const result = await clock.until(broker.verify(() => leftMs - clock.monotonic()));

      expect(result.outcome).toBe(outcome);
      expect(reads).toEqual(outcome === 'renewed' ? [0, 3001] : [0]);
    }
  });

  test('a verification reads again at most each half second when the gap is nearly over', async () => {
    const { broker, clock, reads } = scene({ token: old, lifetimeMs: 600_000, lastLogin: noon - 60_000 });

    expect((await clock.until(broker.verify(remaining))).outcome).toBe('renewed');
    expect(reads).toEqual([0, 500]);
  });

  test('a verification throws when its login failed, however much time is left', async () => {
    const { broker } = scene({ token: old }, { login: async () => connectionTo(failedLogin) });

    await expect(broker.verify(remaining)).rejects.toEqual(refusal('upstream_unavailable'));
  });
});

describe('the check of the secret', () => {
  test('finds nothing wrong when the secret can be read, also from memory', async () => {
    const asked: boolean[] = [];
    const { broker } = scene(
      {},
      {
        readCredentials: async (_, { past }) => {
          asked.push(past);
          return credentials;
        },
      },
    );

    expect(await broker.checkSecret(remaining)).toBeUndefined();
    expect(asked).toEqual([false]);
  });

  test('returns the code of what is wrong, and ends half a second before the invocation', async () => {
    const { broker, clock } = scene(
      {},
      {
        readCredentials: async (_, { signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          throw new BrokerError('secret_unavailable', 'detail');
        },
      },
    );

    expect(await clock.until(broker.checkSecret(() => 3000))).toBe('secret_unavailable');
    expect(clock.monotonic()).toBe(2500);
  });
});

describe('the status', () => {
  test('the status is the item as it is stored, also when it is faulty', async () => {
    const { broker, stored } = scene({ fault: 'schema' });

    expect(await broker.status(remaining)).toBe(stored.item);
  });

  test('the status is given up half a second before the invocation ends', async () => {
    const { broker, clock, table } = scene();
    table.read = silent;

    await expect(clock.until(broker.status(() => 3000))).rejects.toEqual(refusal('table_unavailable'));
    expect(clock.monotonic()).toBe(2500);
  });
});

describe('an amendment', () => {
  test.for([
    ['purge', 'shared'],
    ['revoke', 'shared'],
    ['resume', 'memory'],
    ['clear-rejection', 'memory'],
  ] as const)('writes %s, and takes the next token from %s', async ([amendment, source]) => {
    const { broker, events } = scene({ token: fresh });
    await broker.getToken({}, remaining);
    await broker.amend(amendment, remaining);

    expect(events).toEqual([amendment]);
    expect((await broker.getToken({}, remaining)).source).toBe(source);
  });

  test('an amendment fails, and the token stays, when the item is of an unknown schema', async () => {
    const { broker, table } = scene({ token: fresh });
    await broker.getToken({}, remaining);
    table.write = async () => false;

    await expect(broker.amend('purge', remaining)).rejects.toThrow(
      expect.objectContaining({ code: 'table_unavailable', message: 'the item is of an unknown schema' }),
    );
    expect((await broker.getToken({}, remaining)).source).toBe('memory');
  });

  test('an amendment is given up half a second before the invocation ends', async () => {
    const { broker, clock, table } = scene();
    table.write = (_, __, signal) => silent(_, signal);

    await expect(clock.until(broker.amend('pause', () => 3000))).rejects.toEqual(refusal('table_unavailable'));
    expect(clock.monotonic()).toBe(2500);
  });
});

test('an account is not forgotten while a rejection could not be written, and may be forgotten when the next refresh wrote it', async () => {
  const error = new BrokerError('credentials_rejected', 'detail');
  const outcome = { kind: 'failed', error, reached: 'answered', answer: 'invalid_grant' } as const;
  const { broker, clock, table, stored } = scene({}, { login: async () => connectionTo(outcome) });
  expect(broker.isForgettable()).toBe(true);
  table.write = unavailable;
  await expect(clock.until(broker.getToken({}, remaining))).rejects.toEqual(refusal('credentials_rejected'));
  expect(broker.isForgettable()).toBe(false);
  table.write = async (_, change) => {
    const rejected = change.kind === 'reject' ? [change.key] : [];
    stored.item = { ...stored.item, rejectedCredentials: new Set(rejected) };
    return true;
  };
  await expect(clock.until(broker.getToken({}, remaining))).rejects.toEqual(refusal('credentials_rejected'));

  expect(broker.isForgettable()).toBe(true);
});

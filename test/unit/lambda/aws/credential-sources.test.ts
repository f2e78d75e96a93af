// The sources of many accounts (lambda/aws/credential-sources.ts): which ids cost a read of a secret, and what is kept of them.
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createCredentialSources } from '../../../../lambda/aws/credential-sources.ts';
import { createUnknownAccounts } from '../../../../lambda/aws/open/unknown-accounts.ts';
import { asBrokerError } from '../../../../lambda/errors.ts';

const signal = new AbortController().signal;
const text = JSON.stringify({ username: '25365421', password: 'not-a-real-password' });

/** What Secrets Manager throws, by name and text. */
function thrown(name: string, message: string): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } });
}

const noRight =
  'User: arn:aws:sts::000000000000:assumed-role/broker/function is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:000000000000:secret:fegora/tienda-1';
const absent = thrown('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");

/** Sources over a fake Secrets Manager. `main` is listed, and every other id may be open. */
function start(answer: (secretId: string) => Error | undefined = () => absent) {
  let now = Date.UTC(2026, 10, 24, 12);
  const reads: string[] = [];
  const unknown = createUnknownAccounts(() => now);
  const read = createCredentialSources({
    getSecretValue: async (secretId) => {
      reads.push(secretId);
      const refusal = answer(secretId);
      if (refusal !== undefined) {
        throw refusal;
      }
      return { versionId: 'v-1', text };
    },
    secrets: { get: (account) => `fegora/${account}` },
    open: { isOpen: (account) => account !== 'main', unknown },
    clientId: 'apiApp',
    now: () => now,
  });
  const ask = async (account: string, past = false) =>
    await read(account, { past, signal }).then(
      ({ username }) => username,
      (error) => asBrokerError(error).code,
    );
  return {
    reads,
    ask,
    unknown,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('an open account', () => {
  test.each([
    ['does not exist', absent, 'unknown_account'],
    [
      'is marked for deletion',
      thrown('InvalidRequestException', "You can't perform this operation because it was marked for deletion."),
      'unknown_account',
    ],
    [
      'has not the tag of the broker',
      thrown('AccessDeniedException', `${noRight} because no identity-based policy allows the action`),
      'unknown_account',
    ],
    [
      'is denied by a policy',
      thrown('AccessDeniedException', `${noRight} with an explicit deny in a resource-based policy`),
      'configuration',
    ],
    [
      'has a key that may not be used',
      thrown('AccessDeniedException', 'Access to KMS is not allowed'),
      'configuration',
    ],
    [
      'has no value yet',
      thrown(
        'ResourceNotFoundException',
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
      ),
      'credentials_missing',
    ],
  ])('answers by what Secrets Manager says when its secret %s', async (_, refusal, code) => {
    expect(await start(() => refusal).ask('tienda-1')).toBe(code);
  });

  test('is what a listed account is not when its secret is gone or refused', async () => {
    expect(await start().ask('main')).toBe('secret_missing');
    expect(await start(() => thrown('AccessDeniedException', noRight)).ask('main')).toBe('configuration');
  });

  test('promise 65: costs one read a minute while it is unknown', async () => {
    const { ask, reads, pass } = start();
    for (let second = 0; second < 120; second += 1) {
      expect(await ask('tienda-1')).toBe('unknown_account');
      pass(1000);
    }

    expect(reads).toHaveLength(2);
  });

  test('promise 65: costs one read when many calls ask for it at the same time', async () => {
    const { ask, reads } = start();
    await Promise.all(Array.from({ length: 100 }, () => ask('tienda-1')));

    expect(reads).toHaveLength(1);
  });

  test('is served at once after a verification when it was unknown a moment ago', async () => {
    let refusal: Error | undefined = absent;
    const { ask } = start(() => refusal);
    expect(await ask('tienda-1')).toBe('unknown_account');
    refusal = undefined;
    expect(await ask('tienda-1')).toBe('unknown_account');
    expect(await ask('tienda-1', true)).toBe('25365421');
    expect(await ask('tienda-1')).toBe('25365421');
  });
});

test('promise 65: 100,000 unknown ids cost one read each, no more than 10,000 within a minute, and drop no account', async () => {
  const { ask, reads, unknown } = start((id) => (id.startsWith('fegora/unknown') ? absent : undefined));
  await ask('main');
  await ask('tienda-1');
  const answers = new Map<string, number>();
  for (let index = 0; index < 100_000; index += 1) {
    const answer = await ask(`unknown-${index}`);
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }

  expect([...answers]).toEqual([
    ['unknown_account', 10_000],
    ['throttled', 90_000],
  ]);
  expect(unknown.fullForMs()).toBe(60_000);
  expect([await ask('main'), await ask('tienda-1')]).toEqual(['25365421', '25365421']);
  expect(reads).toHaveLength(10_002);
}, 30_000);

test('promise 65: unknown ids drop the credentials of at most one of a thousand accounts while Secrets Manager is unavailable', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const busy = thrown('ThrottlingException', 'Rate exceeded');
  const { ask, reads } = start((id) => (id.startsWith('fegora/unknown') ? busy : undefined));
  for (let index = 0; index < 1000; index += 1) {
    await ask(`tienda-${index}`);
  }
  for (let index = 0; index < 2000; index += 1) {
    expect(await ask(`unknown-${index}`)).toBe('secret_unavailable');
  }
  reads.length = 0;
  for (let index = 999; index >= 0; index -= 1) {
    await ask(`tienda-${index}`);
  }

  expect(reads.length).toBeLessThanOrEqual(1);
});

test('an account whose credentials are cached keeps them when a read past the cache fails', async () => {
  let refusal: Error | undefined;
  const { ask, reads } = start(() => refusal);
  await ask('tienda-1');
  refusal = thrown('ThrottlingException', 'Rate exceeded');

  expect([await ask('tienda-1', true), await ask('tienda-1')]).toEqual(['secret_unavailable', '25365421']);
  expect(reads).toHaveLength(2);
});

test('the credentials of 1,000 accounts are kept, those used last, and nothing of the others', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { ask, reads } = start(() => undefined);
  for (let index = 0; index < 1000; index += 1) {
    await ask(`tienda-${index}`);
  }
  await ask('tienda-0');
  await ask('tienda-1000');

  expect(vi.getTimerCount()).toBe(1000);
  expect(reads).toHaveLength(1001);
  await Promise.all(['tienda-0', 'tienda-2', 'tienda-1000'].map((account) => ask(account)));
  expect(reads).toHaveLength(1001);
  await ask('tienda-1');
  expect(reads).toHaveLength(1002);
});

// The credential source against the emulator of Secrets Manager: secrets, failures, cache, concurrent reads.
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createGetSecretValue } from '../../../../lambda/aws/credential-source.ts';
import { createCredentialSources } from '../../../../lambda/aws/credential-sources.ts';
import type { GetSecretValue } from '../../../../lambda/aws/secret.ts';
import type { ReadCredentials } from '../../../../lambda/broker/ports.ts';
import { BrokerError } from '../../../../lambda/errors.ts';
import { type SecretsManager, startSecretsManager } from '../../../../local/secrets-manager/server.ts';

const minuteMs = 60_000;
const password = 'not-a-real-password';
const good = JSON.stringify({ username: '25365421', password });

let emulator: SecretsManager;
let getSecretValue: GetSecretValue;
let nowMs: number;
let read: ReadCredentials;

const never = new AbortController().signal;
const cached = { past: false, signal: never };
const past = { past: true, signal: never };

beforeEach(async () => {
  emulator = await startSecretsManager();
  getSecretValue = createGetSecretValue({
    endpoint: emulator.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' },
  });
  nowMs = Date.UTC(2026, 10, 24);
  read = sourceOver(getSecretValue);
  emulator.create('fegora/a');
  emulator.create('fegora/b');
});

afterEach(() => emulator.close());

function sourceOver(port: GetSecretValue): ReadCredentials {
  const secrets = new Map([
    ['a', 'fegora/a'],
    ['b', 'fegora/b'],
    ['gone', 'fegora/gone'],
  ]);
  return createCredentialSources({ getSecretValue: port, secrets, clientId: 'apiApp', now: () => nowMs });
}

async function failureOf(work: Promise<unknown>): Promise<BrokerError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BrokerError);
  return error instanceof BrokerError ? error : new BrokerError('internal', 'unreachable');
}

function reads(): number {
  return emulator.calls('GetSecretValue');
}

describe('a secret', () => {
  test('gives user, password, client id and version', async () => {
    const versionId = emulator.put('fegora/a', JSON.stringify({ username: '25365421', password, client_id: 'other' }));
    await expect(read('a', cached)).resolves.toEqual({ username: '25365421', password, clientId: 'other', versionId });
  });

  test('gives the client id of the configuration when it has none', async () => {
    emulator.put('fegora/a', good);
    await expect(read('a', cached)).resolves.toMatchObject({ clientId: 'apiApp' });
  });

  test('promise 58: drops a byte order mark before the JSON', async () => {
    emulator.put('fegora/a', `\ufeff${JSON.stringify({ username: 'u', password: 'not-a-real-one' })}`);
    await expect(read('a', cached)).resolves.toMatchObject({ username: 'u', password: 'not-a-real-one' });
  });

  test('gives a password of any Unicode, with white space inside', async () => {
    const odd = 'ñ+&=% \t"\\ 𝄞 \u0000 \u200bé';
    emulator.put('fegora/a', JSON.stringify({ username: 'ü', password: odd }));
    await expect(read('a', cached)).resolves.toMatchObject({ username: 'ü', password: odd });
  });
});

describe('promise 24: an unusable secret', () => {
  const canary = 'canary-of-a-password';
  const malformed: [string, string | Uint8Array, RegExp][] = [
    ['is not JSON', canary, /JSON object/],
    ['is cut JSON', `{"username":"25365421","password":"${canary}`, /JSON object/],
    ['is a JSON string', JSON.stringify(canary), /JSON object/],
    ['is an array', JSON.stringify(['25365421', canary]), /JSON object/],
    ['is null', 'null', /JSON object/],
    ['names a member twice', `{"username":"u","password":"x","password":"${canary}"}`, /each member once/],
    ['has no user', JSON.stringify({ password: canary }), /field username is missing/],
    ['has no password', JSON.stringify({ username: canary }), /field password is missing/],
    ['has an empty user', JSON.stringify({ username: '', password: canary }), /field username is empty/],
    ['has an empty password', JSON.stringify({ username: canary, password: '' }), /field password is empty/],
    [
      'has an empty client id',
      JSON.stringify({ username: 'u', password: canary, client_id: '' }),
      /field client_id is/,
    ],
    [
      'has a null client id',
      JSON.stringify({ username: 'u', password: canary, client_id: null }),
      /field client_id is/,
    ],
    ['has a number for a password', JSON.stringify({ username: canary, password: 123456 }), /password is not a string/],
    ['has a space before', JSON.stringify({ username: 'u', password: ` ${canary}` }), /password has white space/],
    ['has a line feed after', JSON.stringify({ username: 'u', password: `${canary}\n` }), /password has white space/],
    ['has half a surrogate pair', JSON.stringify({ username: 'u', password: `${canary}\ud834` }), /well-formed/],
    ['has a very long user', JSON.stringify({ username: canary.repeat(100), password: 'x' }), /username is too long/],
    ['has another member', JSON.stringify({ username: 'u', password: 'x', [canary]: canary }), /a member other than/],
    ['has a prototype member', `{"username":"u","password":"x","__proto__":{"a":"${canary}"}}`, /not of the expected/],
    ['is binary', Buffer.from(JSON.stringify({ username: 'u', password: canary })), /binary/],
  ];

  test.each(malformed)(
    'is secret_malformed when it %s, and the error names only our own fields',
    async (_, value, message) => {
      emulator.put('fegora/a', value);
      const failure = await failureOf(read('a', cached));
      expect(failure).toMatchObject({ code: 'secret_malformed', message: expect.stringMatching(message) });
      expect(inspect(failure, { depth: 9 })).not.toContain(canary);
      expect(inspect(failure, { depth: 9 })).not.toContain('123456');
    },
  );

  test('is secret_malformed when it is over 64 KB', async () => {
    const huge = JSON.stringify({ username: 'u', password: canary.repeat(4_000) });
    read = sourceOver(async () => ({ versionId: 'v', text: huge }));
    const failure = await failureOf(read('a', cached));
    expect(failure).toMatchObject({ code: 'secret_malformed', message: expect.stringMatching(/over 64 KB/) });
    expect(inspect(failure, { depth: 9 })).not.toContain(canary);
  });

  test('is credentials_missing when it has no value yet', async () => {
    await expect(failureOf(read('a', cached))).resolves.toMatchObject({ code: 'credentials_missing' });
  });

  test('is secret_missing when it does not exist', async () => {
    await expect(failureOf(read('gone', cached))).resolves.toMatchObject({ code: 'secret_missing' });
  });

  test('is secret_missing when it is marked for deletion, with a value in the cache or without one', async () => {
    emulator.put('fegora/a', good);
    await read('a', cached);
    emulator.remove('fegora/a');
    emulator.remove('fegora/b');
    await expect(failureOf(read('a', past))).resolves.toMatchObject({ code: 'secret_missing' });
    await expect(failureOf(read('a', cached))).resolves.toMatchObject({ code: 'secret_missing' });
    await expect(failureOf(read('b', cached))).resolves.toMatchObject({ code: 'secret_missing' });
  });

  const answers: [string, string, string][] = [
    ['ResourceNotFoundException', "Secrets Manager can't find the specified secret.", 'secret_missing'],
    ['ResourceNotFoundException', 'Secrets Manager can’t find the specified secret.', 'secret_missing'],
    [
      'ResourceNotFoundException',
      "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
      'credentials_missing',
    ],
    ['ResourceNotFoundException', 'A text of a later version.', 'credentials_missing'],
    [
      'InvalidRequestException',
      "You can't perform this operation on the secret because it was marked for deletion.",
      'secret_missing',
    ],
    ['InvalidRequestException', 'The secret is managed by another service.', 'configuration'],
    ['ValidationException', 'It was marked for deletion.', 'configuration'],
  ];

  test.each(answers)('is classified by the error %s with the message «%s»', async (name, message, code) => {
    const metadata = { name, $metadata: { httpStatusCode: 400 } };
    const thrown = Object.assign(new Error(`${message} ${canary}`), metadata);
    const failure = await failureOf(sourceOver(() => Promise.reject(thrown))('a', cached));

    expect(failure).toMatchObject({ code, message: `GetSecretValue: ${name}` });
    expect(inspect(failure, { depth: 9 })).not.toContain(canary);
    expect(inspect(failure, { depth: 9 })).not.toContain(message);
  });

  test('is read again at once when it was repaired', async () => {
    emulator.put('fegora/a', canary);
    await failureOf(read('a', cached));
    emulator.put('fegora/a', good);
    await expect(read('a', cached)).resolves.toMatchObject({ password });
  });

  test('removes the earlier version from the cache when it becomes malformed', async () => {
    emulator.put('fegora/a', good);
    await read('a', cached);
    emulator.put('fegora/a', canary);
    await failureOf(read('a', past));
    await expect(failureOf(read('a', cached))).resolves.toMatchObject({ code: 'secret_malformed' });
  });
});

describe('a failure of Secrets Manager', () => {
  test.each([
    ['throttled', 'secret_unavailable'],
    ['failed', 'secret_unavailable'],
    ['cut', 'secret_unavailable'],
    ['denied', 'configuration'],
    ['undecryptable', 'configuration'],
  ] as const)('of the kind %s is %s, without the text of Secrets Manager', async (fault, code) => {
    emulator.put('fegora/a', good);
    emulator.breakWith(fault);
    const failure = await failureOf(read('a', cached));
    expect(failure).toMatchObject({ code, message: expect.stringMatching(/^GetSecretValue: \w+$/) });
    expect(failure.cause).toBeUndefined();
    expect(inspect(failure, { depth: 9 })).not.toContain(password);
  });

  test.each(['throttled', 'failed', 'cut'] as const)('is retried when it is %s once', async (fault) => {
    emulator.put('fegora/a', good);
    emulator.breakWith(fault, 1);
    await expect(read('a', cached)).resolves.toMatchObject({ password });
    expect(reads()).toBe(2);
  });

  test('is secret_unavailable for a refused connection and configuration for missing keys', async () => {
    const port = createGetSecretValue({ ...unreachable(), region: 'us-east-1' });
    await expect(failureOf(sourceOver(port)('a', cached))).resolves.toMatchObject({ code: 'secret_unavailable' });
    const noCredentials = createGetSecretValue({
      ...unreachable(),
      region: 'us-east-1',
      credentials: async () => {
        throw Object.assign(new Error('none'), { name: 'CredentialsProviderError' });
      },
    });
    await expect(failureOf(sourceOver(noCredentials)('a', cached))).resolves.toMatchObject({ code: 'configuration' });
  });

  test('has the system’s code in its message when the connection or the name lookup fails', async () => {
    const refusing = createGetSecretValue({ ...unreachable(), region: 'us-east-1' });
    await expect(failureOf(sourceOver(refusing)('a', cached))).resolves.toMatchObject({
      code: 'secret_unavailable',
      message: 'GetSecretValue: ECONNREFUSED',
    });
    const noName = () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }));
    await expect(failureOf(sourceOver(noName)('a', cached))).resolves.toMatchObject({
      code: 'secret_unavailable',
      message: 'GetSecretValue: ENOTFOUND',
    });
  });

  test.each([
    ['a code in a response', { name: 'SomeException', code: 'CANARY', $metadata: { httpStatusCode: 400 } }],
    ['a code that is not the system’s', { name: 'SomeException', code: 'Canary of mine' }],
  ])('does not repeat %s', async (_, members) => {
    const failure = await failureOf(sourceOver(() => Promise.reject(Object.assign(new Error(), members)))('a', cached));
    expect(failure.message).toBe('GetSecretValue: SomeException');
  });

  test.each([
    ['SomeException', 400, 'configuration'],
    ['SomeException', 408, 'secret_unavailable'],
    ['SomeException', 429, 'secret_unavailable'],
    ['SomeException', 500, 'secret_unavailable'],
    ['ServiceUnavailable', 400, 'secret_unavailable'],
    ['ServiceUnavailableException', 400, 'secret_unavailable'],
    ['InternalServiceError', 400, 'secret_unavailable'],
    ['ThrottlingException', 400, 'secret_unavailable'],
    ['NotServiceUnavailable', 400, 'configuration'],
  ])('named %s with the status %i is %s', async (name, httpStatusCode, code) => {
    const thrown = Object.assign(new Error(), { name, $metadata: { httpStatusCode } });
    const failure = await failureOf(sourceOver(() => Promise.reject(thrown))('a', cached));
    expect(failure).toMatchObject({ code, message: `GetSecretValue: ${name}` });
  });

  function unreachable() {
    // No server listens on port 1 of the loopback interface.
    return {
      endpoint: 'http://127.0.0.1:1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' },
    };
  }

  test('ends after two attempts and 3 s when there is no response', async () => {
    emulator.put('fegora/a', good);
    await read('a', past);
    emulator.breakWith('hanging');
    const startedAt = performance.now();
    await expect(failureOf(read('a', past))).resolves.toMatchObject({ code: 'secret_unavailable' });
    expect(performance.now() - startedAt).toBeGreaterThan(2_500);
    expect(performance.now() - startedAt).toBeLessThan(3_500);
    expect(reads()).toBe(3);
  });

  test('is retried when there is no response to the first attempt', async () => {
    emulator.put('fegora/a', good);
    emulator.breakWith('hanging', 1);
    await expect(read('a', cached)).resolves.toMatchObject({ password });
    expect(reads()).toBe(2);
  });

  test('ends after 3 s when the port ignores the signal', async () => {
    read = sourceOver(() => new Promise(() => {}));
    const startedAt = performance.now();
    await expect(failureOf(read('a', cached))).resolves.toMatchObject({ code: 'secret_unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(3_500);
  });
});

describe('the cache of credentials', () => {
  beforeEach(() => {
    emulator.put('fegora/a', good);
  });

  test('answers for 5 minutes, then asks Secrets Manager', async () => {
    const { versionId } = await read('a', cached);
    const newer = emulator.put('fegora/a', good);
    nowMs += 5 * minuteMs - 1;
    await expect(read('a', cached)).resolves.toMatchObject({ versionId });
    expect(reads()).toBe(1);
    nowMs += 1;
    await expect(read('a', cached)).resolves.toMatchObject({ versionId: newer });
    expect(reads()).toBe(2);
  });

  test('is not used for a read with past, and keeps the result of that read', async () => {
    await read('a', cached);
    const newer = emulator.put('fegora/a', good);
    await expect(read('a', past)).resolves.toMatchObject({ versionId: newer });
    await expect(read('a', cached)).resolves.toMatchObject({ versionId: newer });
    expect(reads()).toBe(2);
  });

  test('promise 11: answers for up to 15 minutes while Secrets Manager is unavailable', async () => {
    await read('a', cached);
    emulator.breakWith('failed');
    nowMs += 15 * minuteMs - 1;
    await expect(read('a', cached)).resolves.toMatchObject({ password });
    expect(reads()).toBeGreaterThan(1);
    nowMs += 1;
    await expect(failureOf(read('a', cached))).resolves.toMatchObject({ code: 'secret_unavailable' });
    emulator.clearFault();
    await expect(read('a', cached)).resolves.toMatchObject({ password });
  });

  test('promise 11: does not answer a read with past while Secrets Manager is unavailable', async () => {
    await read('a', cached);
    emulator.breakWith('failed');
    await expect(failureOf(read('a', past))).resolves.toMatchObject({ code: 'secret_unavailable' });
    await expect(read('a', cached)).resolves.toMatchObject({ password });
  });

  test('is not used when Secrets Manager refuses the read', async () => {
    await read('a', cached);
    nowMs += 6 * minuteMs;
    emulator.breakWith('denied');
    await expect(failureOf(read('a', cached))).resolves.toMatchObject({ code: 'configuration' });
  });

  test('is not used when the clock went back', async () => {
    await read('a', cached);
    nowMs -= 1;
    await read('a', cached);
    expect(reads()).toBe(2);
  });

  test('is dropped 15 minutes after the latest read, and not by the timer of an earlier one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    let versions = 0;
    read = sourceOver(async () => {
      versions += 1;
      return { versionId: `v${versions}`, text: good };
    });
    await read('a', cached);
    vi.advanceTimersByTime(14 * minuteMs);
    await read('a', past);
    vi.advanceTimersByTime(2 * minuteMs);
    await expect(read('a', cached)).resolves.toMatchObject({ versionId: 'v2' });
    vi.advanceTimersByTime(13 * minuteMs);
    await expect(read('a', cached)).resolves.toMatchObject({ versionId: 'v3' });
  });

  test('is separate for each account', async () => {
    emulator.put('fegora/b', JSON.stringify({ username: 'b', password: 'not-a-real-password-either' }));
    await expect(read('a', cached)).resolves.toMatchObject({ username: '25365421' });
    await expect(read('b', cached)).resolves.toMatchObject({ username: 'b' });
    await expect(read('a', cached)).resolves.toMatchObject({ username: '25365421' });
    expect(reads()).toBe(2);
  });

  test('is not filled for an account that is not configured, and no call is made', async () => {
    await expect(failureOf(read('constructor', cached))).resolves.toMatchObject({ code: 'unknown_account' });
    expect(reads()).toBe(0);
  });
});

describe('concurrent reads', () => {
  test('cost one call', async () => {
    emulator.put('fegora/a', good);
    const all = await Promise.all(Array.from({ length: 50 }, () => read('a', cached)));
    expect(new Set(all.map((credentials) => credentials.versionId)).size).toBe(1);
    expect(reads()).toBe(1);
  });

  test('promise 14: share a failure, and the next read does not get it again', async () => {
    const failures = await Promise.all(Array.from({ length: 50 }, () => failureOf(read('a', cached))));
    expect(failures.every((failure) => failure.code === 'credentials_missing')).toBe(true);
    expect(reads()).toBe(1);
    emulator.put('fegora/a', good);
    await expect(read('a', cached)).resolves.toMatchObject({ password });
  });

  test('end each by its own signal, and the call is cancelled only when the last one has left', async () => {
    const signals: AbortSignal[] = [];
    const answers: ((version: { versionId: string; text: string }) => void)[] = [];
    read = sourceOver((_, signal) => {
      signals.push(signal);
      return new Promise((resolve) => answers.push(resolve));
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const one = failureOf(read('a', { past: false, signal: first.signal }));
    const two = failureOf(read('a', { past: false, signal: second.signal }));
    first.abort();
    await expect(one).resolves.toMatchObject({ code: 'secret_unavailable' });
    expect(signals[0]?.aborted).toBe(false);
    second.abort();
    await expect(two).resolves.toMatchObject({ code: 'secret_unavailable' });
    expect(signals[0]?.aborted).toBe(true);

    const three = read('a', cached);
    expect(signals).toHaveLength(2);
    answers[1]?.({ versionId: 'v3', text: good });
    await expect(three).resolves.toMatchObject({ versionId: 'v3' });
    answers[0]?.({ versionId: 'v1', text: good });
    await expect(read('a', cached)).resolves.toMatchObject({ versionId: 'v3' });
  });

  test('do not wait when their signal has aborted', async () => {
    read = sourceOver(() => new Promise(() => {}));
    const failure = await failureOf(read('a', { past: false, signal: AbortSignal.abort() }));
    expect(failure.code).toBe('secret_unavailable');
  });
});

// Tests the emulator of Secrets Manager with the SDK.
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutResourcePolicyCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  SecretsManagerClient,
  TagResourceCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type SecretsManager, startSecretsManager } from '../../../local/secrets-manager/server.ts';

let emulator: SecretsManager;
let client: SecretsManagerClient;

beforeEach(async () => {
  emulator = await startSecretsManager();
  client = new SecretsManagerClient({
    endpoint: emulator.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' },
    maxAttempts: 1,
  });
});

afterEach(async () => {
  client.destroy();
  await emulator.close();
});

function get(input: Partial<GetSecretValueCommand['input']> = {}) {
  return client.send(new GetSecretValueCommand({ SecretId: 'fegora/a', ...input }));
}

test('GetSecretValue finds a secret by name, by ARN and by ARN without its random end', async () => {
  const arn = emulator.create('fegora/a', 'first');
  expect(arn).toMatch(/^arn:aws:secretsmanager:us-east-1:\d{12}:secret:fegora\/a-\w{6}$/);
  for (const id of ['fegora/a', arn, arn.slice(0, -7)]) {
    const answer = await get({ SecretId: id });
    expect(answer).toMatchObject({ ARN: arn, Name: 'fegora/a', SecretString: 'first', VersionStages: ['AWSCURRENT'] });
    expect(answer.VersionId).toMatch(/^[\da-f-]{36}$/);
    expect(answer.CreatedDate?.getTime()).toBeGreaterThan(Date.now() - 60_000);
  }
  expect(emulator.calls('GetSecretValue')).toBe(3);
});

test('GetSecretValue answers ResourceNotFoundException when there is no such value, secret or version', async () => {
  emulator.create('fegora/a');
  const refusal = { name: 'ResourceNotFoundException', $metadata: { httpStatusCode: 400 } };
  await expect(get()).rejects.toMatchObject({ ...refusal, message: expect.stringContaining('AWSCURRENT') });
  await expect(get({ SecretId: 'fegora/other' })).rejects.toMatchObject(refusal);
  emulator.put('fegora/a', 'first');
  await expect(get({ VersionId: 'no-such-version' })).rejects.toMatchObject(refusal);
});

test('PutSecretValue moves AWSCURRENT to the new version, and AWSPREVIOUS to the one before', async () => {
  emulator.create('fegora/a');
  const put = (value: string) => client.send(new PutSecretValueCommand({ SecretId: 'fegora/a', SecretString: value }));
  const first = await put('first');
  const second = await put('second');
  const third = await put('third');
  expect(third.VersionStages).toEqual(['AWSCURRENT']);
  await expect(get()).resolves.toMatchObject({ SecretString: 'third', VersionId: third.VersionId });
  await expect(get({ VersionStage: 'AWSPREVIOUS' })).resolves.toMatchObject({ SecretString: 'second' });
  await expect(get({ VersionId: first.VersionId })).resolves.toMatchObject({ SecretString: 'first' });
  await expect(get({ VersionId: first.VersionId, VersionStage: 'AWSCURRENT' })).rejects.toMatchObject({
    name: 'InvalidRequestException',
  });
  const described = await client.send(new DescribeSecretCommand({ SecretId: 'fegora/a' }));
  expect(described.VersionIdsToStages).toEqual({
    [String(second.VersionId)]: ['AWSPREVIOUS'],
    [String(third.VersionId)]: ['AWSCURRENT'],
  });
});

test('PutSecretValue does nothing when a request is repeated, and refuses the same token with another value', async () => {
  emulator.create('fegora/a');
  const token = '0123456789abcdef0123456789abcdef';
  const put = (value: string) =>
    client.send(new PutSecretValueCommand({ SecretId: 'fegora/a', SecretString: value, ClientRequestToken: token }));
  await expect(put('first')).resolves.toMatchObject({ VersionId: token });
  await expect(put('first')).resolves.toMatchObject({ VersionId: token });
  await expect(put('second')).rejects.toMatchObject({ name: 'ResourceExistsException' });
});

test('UpdateSecretVersionStage makes a pending version the current one', async () => {
  emulator.create('fegora/a', 'first');
  const pending = await client.send(
    new PutSecretValueCommand({ SecretId: 'fegora/a', SecretString: 'second', VersionStages: ['AWSPENDING'] }),
  );
  await expect(get()).resolves.toMatchObject({ SecretString: 'first' });
  await client.send(
    new UpdateSecretVersionStageCommand({
      SecretId: 'fegora/a',
      VersionStage: 'AWSCURRENT',
      MoveToVersionId: pending.VersionId,
    }),
  );
  await expect(get()).resolves.toMatchObject({ SecretString: 'second' });
  await expect(get({ VersionStage: 'AWSPREVIOUS' })).resolves.toMatchObject({ SecretString: 'first' });
});

test('GetSecretValue returns the same bytes when the value is binary', async () => {
  emulator.create('fegora/a', Uint8Array.of(0, 255, 128));
  const answer = await get();
  expect(answer.SecretString).toBeUndefined();
  expect([...(answer.SecretBinary ?? [])]).toEqual([0, 255, 128]);
});

test('CreateSecret refuses an existing name, and GetSecretValue refuses a secret that is pending deletion', async () => {
  const create = new CreateSecretCommand({ Name: 'fegora/a', SecretString: 'first' });
  await expect(client.send(create)).resolves.toMatchObject({ Name: 'fegora/a', VersionId: expect.any(String) });
  await expect(client.send(create)).rejects.toMatchObject({ name: 'ResourceExistsException' });
  await client.send(new DeleteSecretCommand({ SecretId: 'fegora/a' }));
  await expect(get()).rejects.toMatchObject({ name: 'InvalidRequestException', $metadata: { httpStatusCode: 400 } });
  const described = await client.send(new DescribeSecretCommand({ SecretId: 'fegora/a' }));
  expect(described.DeletedDate).toBeInstanceOf(Date);
});

test('PutSecretValue refuses a value over 64 KB, no value, and two values', async () => {
  emulator.create('fegora/a');
  const put = (input: object) => client.send(new PutSecretValueCommand({ SecretId: 'fegora/a', ...input }));
  await expect(put({ SecretString: 'x'.repeat(65_537) })).rejects.toMatchObject({ name: 'InvalidParameterException' });
  await expect(put({})).rejects.toMatchObject({ name: 'InvalidRequestException' });
  await expect(put({ SecretString: 'x', SecretBinary: Uint8Array.of(1) })).rejects.toMatchObject({
    name: 'InvalidRequestException',
  });
});

test.each([
  ['throttled', { name: 'ThrottlingException', $metadata: { httpStatusCode: 400 } }],
  ['failed', { name: 'InternalServiceError', $metadata: { httpStatusCode: 500 } }],
  ['denied', { name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } }],
  ['undecryptable', { name: 'DecryptionFailure', $metadata: { httpStatusCode: 400 } }],
  ['cut', { code: 'ECONNRESET' }],
] as const)('breakWith %s breaks as many requests as it says', async (fault, failure) => {
  emulator.create('fegora/a', 'first');
  emulator.breakWith(fault, 1);
  await expect(get()).rejects.toMatchObject(failure);
  await expect(get()).resolves.toMatchObject({ SecretString: 'first' });
});

test('breakWith hanging leaves every request without an answer until clearFault', async () => {
  emulator.create('fegora/a', 'first');
  emulator.breakWith('hanging');
  const hung = client.send(new GetSecretValueCommand({ SecretId: 'fegora/a' }), {
    abortSignal: AbortSignal.timeout(100),
  });
  await expect(hung).rejects.toMatchObject({ name: 'AbortError' });
  emulator.clearFault();
  await expect(get()).resolves.toMatchObject({ SecretString: 'first' });
});

test('breakWith flapping makes reads alternate between the last two versions', async () => {
  emulator.create('fegora/a', 'first');
  emulator.put('fegora/a', 'second');
  emulator.breakWith('flapping');
  const reads = [await get(), await get(), await get()];
  expect(reads.map((read) => read.SecretString)).toEqual(['second', 'first', 'second']);
});

test('the emulator refuses an operation that it does not have', async () => {
  const response = await fetch(emulator.url, {
    method: 'POST',
    headers: { 'x-amz-target': 'secretsmanager.RotateSecret', 'content-type': 'application/x-amz-json-1.1' },
    body: '{}',
  });
  expect(response.status).toBe(400);
  expect(response.headers.get('x-amzn-errortype')).toBe('UnknownOperationException');
  await expect(response.json()).resolves.toMatchObject({ __type: 'UnknownOperationException' });
});

test('ListSecrets filters by the beginnings of names, tags and values, in pages, and leaves out what is deleted unless it is asked for', async () => {
  const tags = [{ Key: 'team', Value: 'billing' }];
  for (const Name of ['fegora/a', 'fegora/b', 'fegora/c', 'other/a']) {
    await client.send(new CreateSecretCommand({ Name, Tags: tags }));
  }
  await client.send(new CreateSecretCommand({ Name: 'fegora/untagged' }));
  await client.send(new TagResourceCommand({ SecretId: 'fegora/c', Tags: [{ Key: 'team', Value: 'sales' }] }));
  emulator.remove('fegora/b');
  const list = async (more: object = {}) => {
    const Filters = [
      { Key: 'name' as const, Values: ['fegora/'] },
      { Key: 'tag-key' as const, Values: ['team'] },
      { Key: 'tag-value' as const, Values: ['bill'] },
    ];
    const { SecretList = [], NextToken } = await client.send(new ListSecretsCommand({ Filters, ...more }));
    return { names: SecretList.map(({ Name }) => Name), NextToken, SecretList };
  };

  const all = await list({ IncludePlannedDeletion: true });
  expect(all).toMatchObject({ names: ['fegora/a', 'fegora/b'], NextToken: undefined });
  expect(all.SecretList).toMatchObject([
    { Tags: tags, CreatedDate: expect.any(Date) },
    { Tags: tags, DeletedDate: expect.any(Date) },
  ]);
  expect((await list()).names).toEqual(['fegora/a']);
  const first = await list({ IncludePlannedDeletion: true, MaxResults: 1 });
  expect(first.names).toEqual(['fegora/a']);
  const { NextToken } = first;
  expect((await list({ IncludePlannedDeletion: true, MaxResults: 1, NextToken })).names).toEqual(['fegora/b']);
  await expect(list({ MaxResults: 101 })).rejects.toMatchObject({ name: 'InvalidParameterException' });
  await expect(list({ Filters: [{ Key: 'description', Values: ['x'] }] })).rejects.toMatchObject({
    name: 'InvalidParameterException',
  });
});

test('a secret that is marked for deletion keeps its name until it is restored or gone', async () => {
  emulator.create('fegora/a', 'first');
  await client.send(new DeleteSecretCommand({ SecretId: 'fegora/a' }));
  const create = () => client.send(new CreateSecretCommand({ Name: 'fegora/a' }));
  await expect(create()).rejects.toMatchObject({ name: 'InvalidRequestException' });
  await client.send(new RestoreSecretCommand({ SecretId: 'fegora/a' }));

  expect((await get()).SecretString).toBe('first');
  await expect(create()).rejects.toMatchObject({ name: 'ResourceExistsException' });
});

test('PutResourcePolicy keeps the policy of a secret', async () => {
  const { ARN: arn = '' } = await client.send(new CreateSecretCommand({ Name: 'fegora/a' }));
  const ResourcePolicy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
  await client.send(new PutResourcePolicyCommand({ SecretId: arn, ResourcePolicy, BlockPublicPolicy: true }));

  expect(emulator.policyOf('fegora/a')).toBe(ResourcePolicy);
});

test('GetSecretValue is refused for what the role may not read, and for what does not exist', async () => {
  const limited = await startSecretsManager({ mayRead: ({ tags }) => tags.get('team') === 'billing' });
  onTestFinished(limited.close);
  const reader = new SecretsManagerClient({
    endpoint: limited.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' },
    maxAttempts: 1,
  });
  onTestFinished(() => reader.destroy());
  const arn = limited.create('fegora/a', 'first');
  const read = (SecretId: string) => reader.send(new GetSecretValueCommand({ SecretId }));
  for (const id of [arn, 'fegora/a', 'fegora/b']) {
    await expect(read(id)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  }
  limited.tag('fegora/a', 'team', 'billing');

  expect((await read(arn)).SecretString).toBe('first');
});

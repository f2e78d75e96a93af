// Environments over one table whose settings name the same secret by its ARN, by the end of it, or by the id of the account.
import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { boundTo } from '../../../lambda/aws/token-binding.ts';
import type { Environment } from '../../../lambda/config.ts';
import { captureOutput } from '../../support/capture.ts';
import { passwordOf, secretOf, startTestSystem, type TestSystem } from '../../support/test-system.ts';

const arnStart = 'arn:aws:secretsmanager:us-east-1:000000000000:secret';
let system: TestSystem;
/** Complete ARN of the secret `fegora/one`. */
let arn: string;
let output: ReturnType<typeof captureOutput>;

beforeEach(async () => {
  output = captureOutput();
  system = await startTestSystem({ accounts: ['one'], fegora: { accounts: { 'user-one': passwordOf('one') } } });
  arn = system.secrets.create('fegora/named/one', secretOf('one'));
});
afterEach(async () => {
  output.stop();
  await system.close();
});

/** The variables of one account, in each form. */
const forms: Readonly<Record<string, () => Environment>> = {
  'by its ARN, as in the version before': () => ({ FEGORA_ACCOUNTS: JSON.stringify({ one: arn }) }),
  'by the end of its ARN': () => ({
    FEGORA_ACCOUNTS: JSON.stringify({ one: arn.slice(arnStart.length) }),
    FEGORA_SECRET_ARN_START: arnStart,
  }),
  'by the id of its account': () => ({
    FEGORA_ACCOUNTS: undefined,
    FEGORA_ACCOUNT_IDS: 'one',
    FEGORA_SECRET_PREFIX: 'fegora/named/',
    FEGORA_SECRET_ARN_START: arnStart,
  }),
};
const names = Object.keys(forms);
const byArn = forms['by its ARN, as in the version before'];
const byId = forms['by the id of its account'];

/** What a new environment with these settings answers, and how often it reads the secret. */
async function callWith(env: Environment) {
  const before = system.secrets.calls('GetSecretValue');
  const { status, body } = await system.environment(env).http({ account: 'one' });
  const { source, token_sha256: token } = body;
  return { status, source, token, reads: system.secrets.calls('GetSecretValue') - before };
}

const pairs = names.flatMap((one) => names.map((other) => [one, other] as const));

test.each(pairs)(
  'a token of an environment that knows the secret %s is served without a login to one that knows it %s',
  async (one, other) => {
    const first = await callWith(forms[one]?.() ?? {});
    await passMinutes();
    const second = await callWith(forms[other]?.() ?? {});
    const third = await callWith(forms[one]?.() ?? {});

    expect(first.source).toBe('upstream');
    expect([second.source, third.source]).toEqual(['shared', 'shared']);
    expect([second.token, third.token]).toEqual([first.token, first.token]);
    expect(system.fegora.counters().logins).toBe(1);
  },
);

describe('a token that was bought with the settings of the id', () => {
  test('is bound to the ARN, which an older version with the ARN in its settings compares', async () => {
    await callWith(byId?.() ?? {});

    const { access_token: token, bound_to: bound } = await storedItem();
    const text = JSON.stringify([system.fegora.url, 'apiApp', arn]);
    expect(bound).toEqual({ S: boundTo(text, token?.S ?? '') });
  });

  test('is served to a new environment without a read of the secret', async () => {
    await callWith(byId?.() ?? {});

    expect(await callWith(byId?.() ?? {})).toMatchObject({ source: 'shared', reads: 0 });
  });
});

test('an environment that knows the secret by the id reads it once for a token that is bound to an ARN only', async () => {
  await callWith(byArn?.() ?? {});

  const entryPoints = system.environment(byId?.());
  const reads = system.secrets.calls('GetSecretValue');
  await entryPoints.http({ account: 'one' });
  await entryPoints.admin({ action: 'status', account: 'one' });
  expect(system.secrets.calls('GetSecretValue') - reads).toBeLessThanOrEqual(2);
  expect(system.fegora.counters().logins).toBe(1);
});

test('a token that is bound to an ARN is not served while Secrets Manager cannot tell the ARN of the secret', async () => {
  await callWith(byArn?.() ?? {});

  await passMinutes();
  const away = { AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:1' };
  expect(await callWith({ ...byId?.(), ...away })).toMatchObject({ status: 503 });
  expect(system.fegora.counters().logins).toBe(1);
});

/** Within a minute of the last login, no environment logs in, whatever it reads. So the item says that it was earlier. */
async function passMinutes(): Promise<void> {
  const { last_login: last } = await storedItem();
  const earlier = { ':earlier': { N: String(Number(last?.N) - 120_000) } };
  await withTable((client) =>
    client.send(
      new UpdateItemCommand({
        ...key,
        UpdateExpression: 'SET last_login = :earlier',
        ExpressionAttributeValues: earlier,
      }),
    ),
  );
}

async function storedItem() {
  const { Item: item = {} } = await withTable((client) =>
    client.send(new GetItemCommand({ ...key, ConsistentRead: true })),
  );
  return item;
}

const key = { TableName: 'tokens', Key: { account: { S: 'one' } } };

async function withTable<T>(work: (client: DynamoDBClient) => Promise<T>): Promise<T> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
  const client = new DynamoDBClient({ endpoint: system.tableUrl, region: 'us-east-1', credentials });
  return await work(client).finally(() => client.destroy());
}

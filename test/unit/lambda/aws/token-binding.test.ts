// What the tokens of accounts are bound to (lambda/aws/token-binding.ts), as written and read by the files of the item.
import { expect, test } from 'vitest';
import { parseRecord } from '../../../../lambda/aws/item-record.ts';
import { changeUpdate } from '../../../../lambda/aws/item-update.ts';
import { createBindings, type TokenBinding } from '../../../../lambda/aws/token-binding.ts';

const arn = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:fegora/dev/main-AbCdEf';
const anew = arn.replace('AbCdEf', 'GhIjKl');
const foreign = arn.replace('000000000000', '111111111111');
const settings = { tokenUrl: 'https://fegora.invalid/token', clientId: 'apiApp', secretPrefix: 'fegora/dev/' };

/** The bindings of settings with one secret id, and a way to learn the ARN that a read of it tells. */
function bindingsOf(secretId: string) {
  const bindings = createBindings({ ...settings, secrets: new Map([['main', secretId]]) });
  const learn = async (learned: string) => {
    const get = bindings.learningFrom(async () => ({ versionId: 'v', text: '{}', arn: learned }));
    await get(secretId, new AbortController().signal);
  };
  return { ...bindings, learn };
}

/** Whether a token that is published with one binding is served with another. */
function isServed(written: TokenBinding, read: TokenBinding): boolean {
  const token = { accessToken: 'not-a-real-token', fingerprint: 'f', issuedAt: 1, lifetimeMs: 2, versionId: 'v' };
  const publication = { kind: 'publish', owner: 'o', token, key: 'k', at: 1, sends: [] } as const;
  const change = { ...publication, isSlow: false, loginMs: 1, isOtherUser: false };
  const { ExpressionAttributeValues: values } = changeUpdate('main', change, written);
  const record = Object.fromEntries(Object.entries(values).map(([name, value]) => [name.slice(1), value]));
  return parseRecord('main', { ...record, revision: { N: '1' } }, read).item.token !== undefined;
}

test('a token is bound to the ARN and to the name when the name follows from the id and the secret was read', async () => {
  const byName = bindingsOf('fegora/dev/main');
  const unread = byName.of('main');
  await byName.learn(arn);

  expect(isServed(byName.of('main'), bindingsOf(arn).of('main'))).toBe(true);
  expect(isServed(byName.of('main'), unread)).toBe(true);
  expect(isServed(bindingsOf(arn).of('main'), byName.of('main'))).toBe(true);
  expect(isServed(bindingsOf(arn).of('main'), unread)).toBe(false);
});

test.each([
  ['was made anew', anew],
  ['is in another AWS account', foreign],
  ['has another name', 'fegora/dev/other'],
])(
  'promise 75: a token of a secret of that name is not served when the secret in the settings %s',
  async (_, other) => {
    const byName = bindingsOf('fegora/dev/main');
    await byName.learn(arn);

    expect(isServed(byName.of('main'), bindingsOf(other).of('main'))).toBe(false);
    expect(isServed(bindingsOf(other).of('main'), byName.of('main'))).toBe(false);
  },
);

test.each([arn, 'fegora/other/main', 'fegora/dev/main-2'])(
  'a read tells nothing about the binding when the secret is %s, which does not follow from the id',
  async (secretId) => {
    const bindings = bindingsOf(secretId);
    const before = bindings.of('main');
    expect(bindings.canLearn('main')).toBe(false);
    await bindings.learn(arn);
    expect(bindings.of('main')).toBe(before);
  },
);

test('a read can tell more only until the secret was read', async () => {
  const bindings = bindingsOf('fegora/dev/main');
  expect([bindings.canLearn('main'), bindings.canLearn('unknown')]).toEqual([true, false]);
  await bindings.learn(arn);
  expect(bindings.canLearn('main')).toBe(false);
});

test('promise 65: the ARNs of 1,000 secrets are remembered, those read last, and a token without one is bound to the name', async () => {
  const ids = Array.from({ length: 1001 }, (_, index) => `tienda-${index}`);
  const bindings = createBindings({ ...settings, secrets: { get: (account) => `fegora/dev/${account}` } });
  const get = bindings.learningFrom(async (secretId) => ({ versionId: 'v', text: '{}', arn: `${arn}${secretId}` }));
  for (const id of ids.slice(0, 1000)) {
    await get(`fegora/dev/${id}`, new AbortController().signal);
  }
  await get('fegora/dev/tienda-0', new AbortController().signal);
  await get('fegora/dev/tienda-1000', new AbortController().signal);

  expect(ids.filter(bindings.canLearn)).toEqual(['tienda-1']);
  expect(isServed(bindings.of('tienda-0'), bindings.of('tienda-0'))).toBe(true);
  expect(Array.isArray(bindings.of('tienda-1'))).toBe(false);
});

// Sessions with a tag, as an SDK gets them from STS, and their attempts to reach the accounts of other tenants.
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTokenClient } from '../../../client/index.ts';
import type { SigningKeys } from '../../../local/gateway/sigv4.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';
import { signedCall } from '../../support/signed-call.ts';

const role = 'arn:aws:iam::000000000000:role/local-tenant';
let output: Capture;
let system: GatewaySystem;

beforeAll(async () => {
  output = captureOutput();
  system = await startGatewaySystem({ accounts: ['tienda-1', 'tienda-10', 'tienda-2', 'tienda'] });
});
afterAll(async () => {
  output.stop();
  await system.close();
});
beforeEach(() => {
  system.invoked.length = 0;
});

/** Assumes the role of the tenants with the SDK, as a worker does. */
function session(tags: Readonly<Record<string, string>>, keys: SigningKeys = system.callers.worker) {
  return fromTemporaryCredentials({
    masterCredentials: keys,
    params: {
      RoleArn: role,
      RoleSessionName: 'worker-1',
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    },
    clientConfig: { endpoint: system.gateway.url, region: 'us-east-1', maxAttempts: 1 },
  });
}

async function keysFor(tag: string): Promise<SigningKeys> {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = await session({ 'fegora-account': tag })();
  return { accessKeyId, secretAccessKey, sessionToken };
}

async function statusOf(keys: SigningKeys, path: string): Promise<number> {
  return (await signedCall(`${system.gateway.url}${path}`, keys)).status;
}

describe('promise 67: a session with the tag of one tenant', () => {
  it('gets the token of that account, and 403 for every other one', async () => {
    const tokens = (account: string) =>
      createTokenClient({
        endpoint: system.gateway.url,
        region: 'us-east-1',
        account,
        credentials: session({ 'fegora-account': 'tienda-1' }),
      });
    expect(await tokens('tienda-1').getToken()).toMatchObject({ account: 'tienda-1' });
    for (const other of ['tienda-2', 'tienda-10', 'tienda']) {
      await expect(tokens(other).getToken()).rejects.toMatchObject({ code: 'forbidden' });
    }
    expect(system.invoked).toEqual(['http']);
    expect(output.records().filter(({ audit }) => audit !== undefined)).toMatchObject([
      { audit: 'issue', account: 'tienda-1', caller: 'arn:aws:sts::000000000000:assumed-role/local-tenant/worker-1' },
    ]);
  });

  it.each([
    ['the default path', 'tienda-1', '/token'],
    ['the default path with a slash', 'tienda-1', '/token/'],
    ['its account in escapes', 'tienda-1', '/token/tienda%2D1'],
    ['its account in capitals', 'tienda-1', '/token/TIENDA-1'],
    ['a path below its account', 'tienda-1', '/token/tienda-1/tienda-2'],
    ['the tag as text', 'tienda-1', '/token/$%7Baws:PrincipalTag/fegora-account%7D'],
    ['an account whose name its tag has in capitals', 'Tienda-1', '/token/tienda-1'],
    ['two accounts that its tag names with a slash', 'tienda-1/tienda-2', '/token/tienda-2'],
    ['the path of a tag with a slash', 'tienda-1/tienda-2', '/token/tienda-1/tienda-2'],
    ['the path above a tag with dots', 'tienda-1/../tienda-2', '/token/tienda-2'],
    ['an account by a tag with a space', ' tienda-1', '/token/tienda-1'],
  ])('does not reach %s', async (_, tag, path) => {
    expect(await statusOf(await keysFor(tag), path)).toBe(403);
    expect(system.invoked).toEqual([]);
  });

  it.each([
    ['a capital letter', 'Tienda-1', '/token/Tienda-1'],
    ['another alphabet', 'tiendа', `/token/${encodeURIComponent('tiendа')}`],
  ])('gets no token when its tag has %s, which no account has', async (_, tag, path) => {
    const { status, body } = await signedCall(`${system.gateway.url}${path}`, await keysFor(tag));
    expect([status, body.access_token]).toEqual([expect.toSatisfy((code) => code >= 400), undefined]);
  });

  it('does not invoke the function directly', async () => {
    const url = `${system.gateway.url}/2015-03-31/functions/${system.gateway.functionName}:account-tienda-1/invocations`;
    const answer = await signedCall(url, await keysFor('tienda-1'), { body: '{}', service: 'lambda' });
    expect([answer.status, system.invoked]).toEqual([403, []]);
  });
});

describe('promise 67: STS refuses', () => {
  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['a session without the tag', {}, 'AccessDenied'],
    ['an empty tag', { 'fegora-account': '' }, 'AccessDenied'],
    ['another tag beside it', { 'fegora-account': 'tienda-1', team: 'a' }, 'AccessDenied'],
    ['the same key in another case', { 'Fegora-Account': 'tienda-1' }, 'AccessDenied'],
    ['both', { 'fegora-account': 'tienda-1', 'Fegora-Account': 'tienda-2' }, 'ValidationError'],
    ['a wildcard as a value', { 'fegora-account': '*' }, 'ValidationError'],
    ['a question mark as a value', { 'fegora-account': 'tienda-?' }, 'ValidationError'],
  ])('%s', async (_, tags, name) => {
    await expect(session(tags)()).rejects.toMatchObject({ name });
  });

  it('a caller that may not assume the role, a session that asks for another one, and keys that are wrong', async () => {
    const tag = { 'fegora-account': 'tienda-2' };
    const { all, worker } = system.callers;
    await expect(session(tag, all)()).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(session(tag, await keysFor('tienda-1'))()).rejects.toMatchObject({ name: 'AccessDenied' });
    const wrong = { ...worker, secretAccessKey: 'not-a-real-key-either' };
    await expect(session(tag, wrong)()).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
  });
});

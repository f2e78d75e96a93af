// Tests the client against the broker behind the local gateway, with real signatures and rights.
import { afterEach, describe, expect, test } from 'vitest';
import { createFegoraFetch, createTokenClient } from '../../../client/index.ts';
import type { GatewayOptions } from '../../../client/options.ts';
import {
  type GatewaySystem,
  type GatewaySystemOptions,
  startGatewaySystem,
} from '../../support/client/gateway-system.ts';
import { startLossyProxy } from '../../support/lossy-proxy.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const open: GatewaySystem[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((system) => system.close()));
});

async function start(options: GatewaySystemOptions = {}) {
  const system = await startGatewaySystem(options);
  open.push(system);
  const endpoint = system.gateway.url;
  const client = (more: { account?: string; credentials?: typeof system.callers.all } = {}) =>
    createTokenClient({ endpoint, region: 'us-east-1', credentials: system.callers.all, ...more });
  return { ...system, endpoint, client };
}

describe('through the gateway', () => {
  test('gets the token that Fegora’s API accepts when the call is signed', async () => {
    const { client, servers } = await start();
    const whoami = await createFegoraFetch(client(), undefined, { origin: servers.fegora.origin })('/api/whoami');

    expect([whoami.status, await whoami.text()]).toEqual([200, expect.stringContaining('user-one')]);
  });

  test('gets a token by one login when the first answer of the broker is lost', async () => {
    const { callers, endpoint, invoked, servers } = await start();
    let answers = 0;
    const proxy = await startLossyProxy(endpoint);
    proxy.lossOf = () => (++answers === 1 ? 'answer' : undefined);
    const settings = { endpoint: proxy.url, region: 'us-east-1', credentials: callers.all };
    await expect(createTokenClient(settings).getToken()).resolves.toMatchObject({ account: 'one' });

    expect(invoked).toEqual(['http', 'http']);
    expect(servers.fegora.counters().logins).toBe(1);
  });

  test('gets tokens only of the accounts that the caller may use, also with the session token of a role', async () => {
    const { client, callers } = await start();

    await expect(client({ account: 'one', credentials: callers.first }).getToken()).resolves.toMatchObject({
      account: 'one',
    });
    await expect(client({ account: 'two', credentials: callers.first }).getToken()).rejects.toMatchObject({
      code: 'forbidden',
      retryable: false,
    });
  });

  test('promise 62: says which check of the gateway refused', async () => {
    const { callers, endpoint } = await start();
    const asked = { endpoint, region: 'us-east-1', account: 'one', credentials: callers.all };
    const says = (more: Partial<GatewayOptions>) =>
      createTokenClient({ ...asked, ...more } as GatewayOptions)
        .getToken()
        .catch(String);
    const wrong = { ...callers.all, secretAccessKey: 'not-a-real-key-either' };
    const unknown = { ...callers.all, accessKeyId: 'AKIAUNKNOWN' };

    expect(await says({ region: 'eu-west-1' })).toMatch(/aws_credentials: .* region eu-west-1/);
    expect(await says({ credentials: wrong })).toMatch(/aws_credentials: .*secret key is wrong/);
    expect(await says({ credentials: unknown })).toMatch(/aws_credentials: .*does not know the access key/);
    expect(await says({ endpoint: `${endpoint}/prod` })).toMatch(/unexpected_answer: No token broker is at this path/);
    expect(await says({ credentials: callers.none })).toMatch(/forbidden: execute-api:Invoke on POST \/token\/one/);
  });

  test('rejects with unknown_account when the account is not configured', async () => {
    const { client } = await start();

    await expect(client({ account: 'three' }).getToken()).rejects.toMatchObject({
      code: 'unknown_account',
      requestId: expect.stringMatching(/.+/),
    });
  });

  test.each([-7_200_000, 7_200_000])('gets a token when the clock of the caller is %d ms wrong', async (offMs) => {
    const { endpoint, callers } = await start();
    const clock = createVirtualClock(Date.now() + offMs);
    const settings = { endpoint, region: 'us-east-1', credentials: callers.all };
    const token = await createTokenClient(settings, { ...clock, random: Math.random }).getToken();

    expect(token.expiresAt - clock.now()).toBeGreaterThan(1_700_000);
  });

  test('sends one call to the broker, which logs in once, for 50 calls at the same time', async () => {
    const { client, invoked, servers } = await start();
    const { getToken } = client();
    const tokens = await Promise.all(Array.from({ length: 50 }, () => getToken()));

    expect(new Set(tokens.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(invoked).toEqual(['http']);
    expect(servers.fegora.counters().logins).toBe(1);
  });
});

describe('by direct invocation', () => {
  test('gets the same token from the alias of the account as through the gateway', async () => {
    const { client, callers, endpoint, gateway, invoked } = await start();
    process.env.AWS_ENDPOINT_URL_LAMBDA = endpoint;
    const { functionName } = gateway;
    const credentials = callers.all;
    const direct = createTokenClient({ functionName, account: 'one', region: 'us-east-1', credentials });
    const token = await direct.getToken();
    const arn = `arn:aws:lambda:us-east-1:123456789012:function:${functionName}`;
    const named = createTokenClient({ functionName: arn, account: 'one', credentials });
    const unknown = createTokenClient({ functionName, account: 'three', region: 'us-east-1', credentials });
    const forbidden = createTokenClient({
      functionName,
      account: 'two',
      region: 'us-east-1',
      credentials: callers.first,
    });

    expect((await client().getToken()).fingerprint).toBe(token.fingerprint);
    expect((await named.getToken()).fingerprint).toBe(token.fingerprint);
    expect(invoked).toEqual(['account-one', 'http', 'account-one']);
    await expect(unknown.getToken()).rejects.toMatchObject({ code: 'unknown_account' });
    await expect(forbidden.getToken()).rejects.toMatchObject({ code: 'forbidden' });
    delete process.env.AWS_ENDPOINT_URL_LAMBDA;
  });
});

describe('a token that Fegora no longer accepts', () => {
  test('promise 36: one login serves all when 100 clients on 20 environments get the same 401', async () => {
    const { client, servers, invoked } = await start({ environments: 20 });
    const origin = { origin: servers.fegora.origin };
    const callers = Array.from({ length: 100 }, () => createFegoraFetch(client(), undefined, origin));
    const before = await Promise.all(callers.map((fegora) => fegora('/api/whoami')));
    expect(new Set(before.map(({ status }) => status))).toEqual(new Set([200]));
    expect(servers.fegora.counters().logins).toBe(1);

    servers.fegora.changeKey();
    const after = await Promise.all(callers.map((fegora) => fegora('/api/whoami')));

    expect(new Set(after.map(({ status }) => status))).toEqual(new Set([200]));
    expect(servers.fegora.counters()).toMatchObject({ logins: 2, apiRefusals: 100 });
    expect(invoked.length).toBeGreaterThanOrEqual(200);
  });
});

describe('an unreachable broker', () => {
  test('lets the client use its valid token until the margin', async () => {
    const { endpoint, callers, close, servers } = await start();
    open.splice(0);
    const clock = createVirtualClock(Date.now());
    const settings = { endpoint, region: 'us-east-1', credentials: callers.all };
    const tokens = createTokenClient(settings, { ...clock, random: Math.random });
    const fegora = createFegoraFetch(tokens, undefined, { origin: servers.fegora.origin });
    const { expiresAt } = await tokens.getToken();
    await close();

    let served = 0;
    while (clock.now() < expiresAt - 61_000) {
      await tokens.getToken();
      served += 1;
      await clock.advance(10_000);
    }
    console.log(
      `broker unreachable: ${served} calls got the token, the last one with ${(expiresAt - clock.now()) / 1000 + 10} s left`,
    );
    await clock.advance(10_000);

    await expect(tokens.getToken()).rejects.toMatchObject({ code: 'broker_unreachable', retryable: true });
    await expect(fegora('/api/whoami')).rejects.toMatchObject({ code: 'broker_unreachable' });
  });
});

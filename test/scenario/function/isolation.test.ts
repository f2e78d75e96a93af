import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localCallers } from '../../../local/gateway/callers.ts';
import { type Gateway, startGateway } from '../../../local/gateway/gateway.ts';
import { serve } from '../../../local/loopback.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { full } from '../../support/counts.ts';
import { httpEvent, labelUpdated, lambdaContext } from '../../support/events/events.ts';
import { garbageCollector } from '../../support/garbage-collector.ts';
import { type CallOptions, signedCall } from '../../support/signed-call.ts';
import { type EntryPoints, startTestSystem, type TestSystem } from '../../support/test-system.ts';

let output: Capture;

beforeEach(() => {
  output = captureOutput();
});
afterEach(() => output.stop());

describe('promise 38: with rights on account one', () => {
  const callers = localCallers('one');
  let world: TestSystem;
  let door: EntryPoints;
  let gateway: Gateway;
  let secretReads: number;
  let tokenOfTwo: string;

  beforeEach(async () => {
    world = await startTestSystem();
    door = world.environment();
    const aliases = ['http', 'warmup', 'admin', 'account-one', 'account-two'];
    gateway = await startGateway({ handler: door.handler, callers: Object.values(callers), aliases });
    // What could leak is there: the environment holds both tokens.
    await door.http({ account: 'one' });
    tokenOfTwo = String((await door.http({ account: 'two' })).body.access_token);
    secretReads = world.secrets.calls('GetSecretValue');
  });
  afterEach(() => Promise.all([gateway.close(), world.close()]));

  /** Over the API, signed by somebody who may `POST /token/one` and invoke `account-one`. */
  const api = (path: string, options?: CallOptions) => async () =>
    JSON.stringify(await signedCall(`${gateway.url}${path}`, callers.first, options));

  /** By Lambda's Invoke, signed by the same. */
  const lambda =
    (qualifier: string, payload: unknown = {}) =>
    () =>
      api(`/2015-03-31/functions/${gateway.functionName}${qualifier}/invocations`, {
        body: JSON.stringify(payload),
        service: 'lambda',
      })();

  /** Straight to the function, as if IAM had let it through. */
  const past = (alias: string | undefined, event: unknown) => async () => {
    try {
      return JSON.stringify(await door.handler(event, lambdaContext(alias)));
    } catch (thrown) {
      return thrown instanceof Error ? `${thrown.name} ${thrown.message} ${thrown.stack}` : String(thrown);
    }
  };

  const rewritten = (path: string): CallOptions => ({
    tamper: ({ url }) => {
      url.pathname = path;
    },
  });
  const headed = (name: string, value: string): CallOptions => ({ headers: { [name]: value } });
  const forged = httpEvent({ account: 'two' });
  const mixed = (event: Readonly<Record<string, unknown>>) => httpEvent({ account: 'one', event });

  /** Way, attempt, and who stops it: the gateway, the function (which puts it on record), or nobody: it asks for one. */
  it.each<[string, () => Promise<string>, 'gateway' | 'function' | 'own']>([
    ['by its path', api('/token/two'), 'gateway'],
    ['by the default path', api('/token'), 'gateway'],
    ['by a path that climbs', api('/token/one/../two'), 'gateway'],
    ['by a path that climbs in escapes', api('/token/one%2F..%2Ftwo'), 'gateway'],
    ['by a path with an escape', api('/token/%74wo'), 'gateway'],
    ['by a path that is escaped twice', api('/token/%2574wo'), 'gateway'],
    ['by a path in capitals', api('/token/TWO'), 'gateway'],
    ['by a path with a slash at its end', api('/token/two/'), 'gateway'],
    ['by a path with two slashes', api('//token/two'), 'gateway'],
    ['by a path below its own', api('/token/one/two'), 'gateway'],
    ['by a path with parameters', api('/token/one;account=two'), 'gateway'],
    ['by a path with a zero byte', api('/token/two%00'), 'gateway'],
    ['by a letter that looks alike', api('/token/tw%D0%BE'), 'gateway'],
    ['by a letter of full width', api('/token/%EF%BD%94wo'), 'gateway'],
    ['by a path changed after signing', api('/token/one', rewritten('/token/two')), 'gateway'],
    ['by another method', api('/token/two', { method: 'GET' }), 'gateway'],
    [
      'by a method override',
      api('/token/two', { method: 'GET', ...headed('X-HTTP-Method-Override', 'POST') }),
      'gateway',
    ],
    ['by the query', api('/token/one?account=two'), 'function'],
    ['by the body', api('/token/one', { body: '{"account":"two"}' }), 'function'],
    ['by the body’s prototype', api('/token/one', { body: '{"__proto__":{"account":"two"}}' }), 'function'],
    ['by a body that is an event', api('/token/one', { body: '{"pathParameters":{"account":"two"}}' }), 'function'],
    ['by a header', api('/token/one', headed('X-Account', 'two')), 'own'],
    ['by a header that rewrites the path', api('/token/one', headed('X-Original-URL', '/token/two')), 'own'],
    ['by another that does', api('/token/one', headed('X-Rewrite-URL', '/token/two')), 'own'],
    ['by a header for proxies', api('/token/one', headed('X-Forwarded-Path', '/token/two')), 'own'],
    ['by its alias', lambda(':account-two'), 'gateway'],
    ['by the alias of the API, with a forged event', lambda(':http', forged), 'gateway'],
    ['by the alias of operators', lambda(':admin', { action: 'status', account: 'two' }), 'gateway'],
    ['by the alias of the schedule', lambda(':warmup', { accounts: ['two'] }), 'gateway'],
    ['by no alias', lambda('', forged), 'gateway'],
    ['by $LATEST', lambda(':$LATEST', forged), 'gateway'],
    ['by a payload that names it', lambda(':account-one', { account: 'two' }), 'function'],
    ['by a forged event on its own alias', lambda(':account-one', forged), 'function'],
    ['by no alias, past IAM', past(undefined, forged), 'function'],
    ['by $LATEST, past IAM', past('$LATEST', forged), 'function'],
    ['by a version, past IAM', past('1', forged), 'function'],
    ['by an alias of a similar name, past IAM', past('account-TWO', {}), 'function'],
    [
      'by a path parameter that is not the path',
      past('http', mixed({ pathParameters: { account: 'two' } })),
      'function',
    ],
    ['by a path that is not the parameter', past('http', mixed({ path: '/token/two' })), 'function'],
    [
      'by a path in escapes, decoded for us',
      past('http', httpEvent({ account: 'two', event: { path: '/token/%74wo' } })),
      'function',
    ],
    [
      'by a parameter beside the default',
      past('http', httpEvent({ event: { pathParameters: { account: 'two' } } })),
      'function',
    ],
    ['by an operator’s order over the API', past('http', { action: 'status', account: 'two' }), 'function'],
    [
      'by a secret’s event on its own alias',
      past('account-one', labelUpdated({ name: 'fegora/two', arn: 'x' })),
      'function',
    ],
  ])('two is out of reach %s', async (_way, attempt, stoppedBy) => {
    const before = output.records().length;
    const answer = await attempt();
    const audits = output
      .records()
      .slice(before)
      .filter(({ audit }) => audit !== undefined);

    expect(answer).not.toContain(tokenOfTwo);
    expect(world.secrets.calls('GetSecretValue')).toBe(secretReads);
    expect(world.fegora.counters().users['user-two']?.attempts).toBe(1);
    const issued = { audit: 'issue', account: 'one' };
    expect(audits).toMatchObject({ gateway: [], function: [{ audit: 'denial' }], own: [issued] }[stoppedBy]);
    expect(answer.includes('access_token')).toBe(stoppedBy === 'own');
  });
});

describe('promise 39: interleaved calls', () => {
  it('over 20 accounts in one environment never get each other’s tokens', async () => {
    const accounts = Array.from({ length: 20 }, (_, index) => `account-${index}`);
    const world = await startTestSystem({ accounts });
    const door = world.environment();
    const calls = full(10_000, 2_000);
    const tokens = new Map<string, Set<unknown>>(accounts.map((account) => [account, new Set()]));
    const queue = Array.from({ length: calls }, (_, index) => accounts[(index * 7) % 20] ?? '').entries();
    const lane = async () => {
      for (const [index, account] of queue) {
        const body = index % 3 === 0 ? await door.invoke(account) : (await door.http({ account })).body;
        expect(body.account).toBe(account);
        tokens.get(account)?.add(body.access_token);
      }
    };
    await Promise.all(Array.from({ length: 64 }, lane));

    for (const [account, ofAccount] of tokens) {
      expect(ofAccount.size).toBe(1);
      const headers = { Authorization: `Bearer ${[...ofAccount][0]}` };
      const whoami = await fetch(`${world.fegora.origin}/api/whoami`, { headers });
      expect(await whoami.text()).toContain(`user-${account}`);
    }
    expect(world.fegora.counters().logins).toBe(20);
    const audited = output.records().filter(({ audit }) => audit === 'issue');
    expect(audited).toHaveLength(calls);
    expect(new Set(audited.map(({ account, token_sha256 }) => `${account} ${token_sha256}`)).size).toBe(20);
    await world.close();
  }, 120_000);
});

describe('promise 40: unknown ids', () => {
  const collect = garbageCollector();

  it('cost no call to AWS or Fegora, and cannot grow memory', async () => {
    const world = await startTestSystem();
    let touched = 0;
    const trap = await serve((_request, response) => {
      touched += 1;
      response.writeHead(500).end();
    });
    const door = world.environment({
      FEGORA_TOKEN_URL: `${trap.url}/token`,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: trap.url,
      AWS_ENDPOINT_URL_DYNAMODB: trap.url,
    });
    output.stop();
    output = captureOutput(false);
    let made = 0;
    // Counted by hand: what vitest keeps of an assertion is more than anything that is measured here.
    let refused = 0;
    const count = (is: boolean) => {
      refused += is ? 1 : 0;
    };
    const ask = async (times: number) => {
      for (let call = 0; call < times; call += 1) {
        made += 1;
        const account = `unknown-${made}`.padEnd(63, '-');
        const isUnknown = (error: unknown) => count(error instanceof Error && error.name === 'UnknownAccount');
        count((await door.http({ account })).body.error === 'unknown_account');
        await door.invoke(account).catch(isUnknown);
        await door.admin({ action: 'status', account }).catch(isUnknown);
        count(JSON.stringify(await door.warmup({ accounts: [account] })).includes('"skipped"'));
      }
    };
    await ask(500);
    collect();
    const before = process.memoryUsage().heapUsed;
    const calls = full(20_000, 2_000);
    await ask(calls);
    collect();
    const grownBytes = process.memoryUsage().heapUsed - before;
    // Remembering the ids alone, each once, would take over 100 bytes a call.
    expect(grownBytes / calls).toBeLessThan(60);
    expect(refused).toBe(4 * made);
    expect(touched).toBe(0);
    await Promise.all([trap.close(), world.close()]);
  }, 120_000);
});

// Attempts to reach another account, concurrent calls over many accounts, and unknown accounts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localCallers } from '../../../local/gateway/callers.ts';
import { type Gateway, startGateway } from '../../../local/gateway/gateway.ts';
import { serve } from '../../../local/loopback.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { full } from '../../support/counts.ts';
import { callFunction } from '../../support/events/call-function.ts';
import { httpEvent, labelUpdated, lambdaContext } from '../../support/events/events.ts';
import { garbageCollector } from '../../support/garbage-collector.ts';
import { type CallOptions, signedCall } from '../../support/signed-call.ts';
import { type EntryPoints, startTestSystem, type TestSystem } from '../../support/test-system.ts';

let output: Capture;

beforeEach(() => {
  output = captureOutput();
});
afterEach(() => output.stop());

describe('promise 38: a caller with rights on account one', () => {
  const callers = localCallers('one');
  let system: TestSystem;
  let entryPoints: EntryPoints;
  let gateway: Gateway;
  let secretReads: number;
  let tokenOfTwo: string;

  beforeEach(async () => {
    system = await startTestSystem();
    entryPoints = system.environment();
    const aliases = ['http', 'warmup', 'admin', 'account-one', 'account-two'];
    gateway = await startGateway({ handler: entryPoints.handler, callers: Object.values(callers), aliases });
    // The environment has both tokens in memory, so there is one that could leak.
    await entryPoints.http({ account: 'one' });
    tokenOfTwo = String((await entryPoints.http({ account: 'two' })).body.access_token);
    secretReads = system.secrets.calls('GetSecretValue');
  });
  afterEach(() => Promise.all([gateway.close(), system.close()]));

  /** Over the API, signed by a caller who may `POST /token/one` and invoke `account-one`. */
  const api = (path: string, options?: CallOptions) => async () =>
    JSON.stringify(await signedCall(`${gateway.url}${path}`, callers.first, options));

  /** By Lambda's Invoke, signed by the same caller. */
  const lambda =
    (qualifier: string, payload: unknown = {}) =>
    () =>
      api(`/2015-03-31/functions/${gateway.functionName}${qualifier}/invocations`, {
        body: JSON.stringify(payload),
        service: 'lambda',
      })();

  /** Directly to the function, as if IAM had allowed the call. */
  const pastIam = (alias: string | undefined, event: unknown) => async () => {
    try {
      return JSON.stringify(await callFunction(entryPoints.handler, event, lambdaContext(alias)));
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

  /** How, the attempt, and what stops it: the gateway, or the function with an audit record. `own` gets account one. */
  it.each<[string, () => Promise<string>, 'gateway' | 'function' | 'own']>([
    ['by its path', api('/token/two'), 'gateway'],
    ['by the default path', api('/token'), 'gateway'],
    ['by a path with dots', api('/token/one/../two'), 'gateway'],
    ['by a path with dots in escapes', api('/token/one%2F..%2Ftwo'), 'gateway'],
    ['by a path with an escape', api('/token/%74wo'), 'gateway'],
    ['by a path that is escaped twice', api('/token/%2574wo'), 'gateway'],
    ['by a path in capitals', api('/token/TWO'), 'gateway'],
    ['by a path with a slash at its end', api('/token/two/'), 'gateway'],
    ['by a path with two slashes', api('//token/two'), 'gateway'],
    ['by a path below the path of one', api('/token/one/two'), 'gateway'],
    ['by a path with parameters', api('/token/one;account=two'), 'gateway'],
    ['by a path with a zero byte', api('/token/two%00'), 'gateway'],
    ['by a letter that looks like another', api('/token/tw%D0%BE'), 'gateway'],
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
    ['by another header that rewrites the path', api('/token/one', headed('X-Rewrite-URL', '/token/two')), 'own'],
    ['by a header for proxies', api('/token/one', headed('X-Forwarded-Path', '/token/two')), 'own'],
    ['by its alias', lambda(':account-two'), 'gateway'],
    ['by the alias of the API, with a forged event', lambda(':http', forged), 'gateway'],
    ['by the alias of operators', lambda(':admin', { action: 'status', account: 'two' }), 'gateway'],
    ['by the alias of the schedule', lambda(':warmup', { accounts: ['two'] }), 'gateway'],
    ['by no alias', lambda('', forged), 'gateway'],
    ['by $LATEST', lambda(':$LATEST', forged), 'gateway'],
    ['by a payload that names it', lambda(':account-one', { account: 'two' }), 'function'],
    ['by a forged event on its own alias', lambda(':account-one', forged), 'function'],
    ['by no alias, past IAM', pastIam(undefined, forged), 'function'],
    ['by $LATEST, past IAM', pastIam('$LATEST', forged), 'function'],
    ['by a version, past IAM', pastIam('1', forged), 'function'],
    ['by an alias of a similar name, past IAM', pastIam('account-TWO', {}), 'function'],
    [
      'by a path parameter that is not the path',
      pastIam('http', mixed({ pathParameters: { account: 'two' } })),
      'function',
    ],
    ['by a path that is not the parameter', pastIam('http', mixed({ path: '/token/two' })), 'function'],
    [
      'by a path in escapes, decoded for us',
      pastIam('http', httpEvent({ account: 'two', event: { path: '/token/%74wo' } })),
      'function',
    ],
    [
      'by a parameter in the default path',
      pastIam('http', httpEvent({ event: { pathParameters: { account: 'two' } } })),
      'function',
    ],
    ['by an operator’s command over the API', pastIam('http', { action: 'status', account: 'two' }), 'function'],
    [
      'by a secret’s event on its own alias',
      pastIam('account-one', labelUpdated({ name: 'fegora/two', arn: 'x' })),
      'function',
    ],
  ])('does not reach account two %s', async (_way, attempt, stoppedBy) => {
    const before = output.records().length;
    const answer = await attempt();
    const audits = output
      .records()
      .slice(before)
      .filter(({ audit }) => audit !== undefined);

    expect(answer).not.toContain(tokenOfTwo);
    expect(system.secrets.calls('GetSecretValue')).toBe(secretReads);
    expect(system.fegora.counters().users['user-two']?.attempts).toBe(1);
    const issued = { audit: 'issue', account: 'one' };
    expect(audits).toMatchObject({ gateway: [], function: [{ audit: 'denial' }], own: [issued] }[stoppedBy]);
    expect(answer.includes('access_token')).toBe(stoppedBy === 'own');
  });
});

describe('promise 39: concurrent calls', () => {
  it('for 20 accounts in one environment never get the token of another account', async () => {
    const accounts = Array.from({ length: 20 }, (_, index) => `account-${index}`);
    const system = await startTestSystem({ accounts });
    const entryPoints = system.environment();
    const calls = full(10_000, 2_000);
    const tokens = new Map<string, Set<unknown>>(accounts.map((account) => [account, new Set()]));
    const queue = Array.from({ length: calls }, (_, index) => accounts[(index * 7) % 20] ?? '').entries();
    const worker = async () => {
      for (const [index, account] of queue) {
        const body = index % 3 === 0 ? await entryPoints.invoke(account) : (await entryPoints.http({ account })).body;
        expect(body.account).toBe(account);
        tokens.get(account)?.add(body.access_token);
      }
    };
    await Promise.all(Array.from({ length: 64 }, worker));

    for (const [account, ofAccount] of tokens) {
      expect(ofAccount.size).toBe(1);
      const headers = { Authorization: `Bearer ${[...ofAccount][0]}` };
      const whoami = await fetch(`${system.fegora.origin}/api/whoami`, { headers });
      expect(await whoami.text()).toContain(`user-${account}`);
    }
    expect(system.fegora.counters().logins).toBe(20);
    const audited = output.records().filter(({ audit }) => audit === 'issue');
    expect(audited).toHaveLength(calls);
    expect(new Set(audited.map(({ account, token_sha256 }) => `${account} ${token_sha256}`)).size).toBe(20);
    await system.close();
  }, 120_000);
});

describe('promise 40: unknown accounts', () => {
  const collect = garbageCollector();

  it('cause no call to AWS or Fegora and do not make memory grow', async () => {
    const system = await startTestSystem();
    let touched = 0;
    const trap = await serve((_request, response) => {
      touched += 1;
      response.writeHead(500).end();
    });
    const entryPoints = system.environment({
      FEGORA_TOKEN_URL: `${trap.url}/token`,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: trap.url,
      AWS_ENDPOINT_URL_DYNAMODB: trap.url,
    });
    output.stop();
    output = captureOutput(false);
    let made = 0;
    // Not counted by assertions, because vitest keeps more memory for an assertion than this test measures.
    let refused = 0;
    const count = (is: boolean) => {
      refused += is ? 1 : 0;
    };
    const ask = async (times: number) => {
      for (let call = 0; call < times; call += 1) {
        made += 1;
        const account = `unknown-${made}`.padEnd(63, '-');
        const isUnknown = (error: unknown) => count(error instanceof Error && error.name === 'UnknownAccount');
        count((await entryPoints.http({ account })).body.error === 'unknown_account');
        await entryPoints.invoke(account).catch(isUnknown);
        await entryPoints.admin({ action: 'status', account }).catch(isUnknown);
        count(JSON.stringify(await entryPoints.warmup({ accounts: [account] })).includes('"skipped"'));
      }
    };
    await ask(500);
    collect();
    const before = process.memoryUsage().heapUsed;
    const calls = full(20_000, 2_000);
    await ask(calls);
    collect();
    const grownBytes = process.memoryUsage().heapUsed - before;
    // If the function kept only the ids, each once, that would be over 100 bytes a call.
    expect(grownBytes / calls).toBeLessThan(60);
    expect(refused).toBe(4 * made);
    expect(touched).toBe(0);
    await Promise.all([trap.close(), system.close()]);
  }, 120_000);
});

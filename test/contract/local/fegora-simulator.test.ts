// Tests the Fegora simulator over HTTP: grants, lockout, overlaps, faults and control.
import { setTimeout as realSleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { passwordHash } from '../../../local/fegora/passwords.ts';
import { type FegoraSimulator, startFegoraSimulator } from '../../../local/fegora/simulator.ts';
import { pollOptions } from '../../support/fegora/login.ts';

const username = '25365421';
const password = 'not-a-real-password';
const grant = { grant_type: 'password', client_id: 'apiApp', username, password };

let time = Date.parse('2026-11-24T12:00:00.750Z');
let fegora: FegoraSimulator;
/** What the server waits for if it has a delay. */
let work: Promise<void> = Promise.resolve();

beforeEach(async () => {
  time = Date.parse('2026-11-24T12:00:00.750Z');
  work = Promise.resolve();
  const accounts = { [username]: password, '43430775': password };
  fegora = await startFegoraSimulator({ accounts, now: () => time, sleep: () => work });
});
afterEach(() => fegora.close());

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

async function post(form: Record<string, string> | string, init: RequestInit = {}): Promise<Reply> {
  const body = typeof form === 'string' ? form : new URLSearchParams(form).toString();
  const response = await fetch(fegora.url, { method: 'POST', body, redirect: 'manual', ...init });
  return replyOf(response);
}

async function replyOf(response: Response): Promise<Reply> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} };
}

async function whoami(token: unknown): Promise<Reply> {
  return replyOf(await fetch(`${fegora.origin}/api/whoami`, { headers: { Authorization: `Bearer ${token}` } }));
}

async function control(command?: unknown): Promise<Reply> {
  const init = command === undefined ? {} : { method: 'POST', body: JSON.stringify(command) };
  return replyOf(await fetch(`${fegora.origin}/_control`, init));
}

describe('the token endpoint', () => {
  test('the token endpoint answers a login with every member on Fegora’s page, and with expires_in one second short', async () => {
    const { status, headers, json } = await post(grant);

    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json;charset=UTF-8');
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(json).toEqual({
      access_token: expect.stringMatching(/^not-a-real-token-[\w-]{192}$/),
      token_type: 'bearer',
      expires_in: 1799,
      refresh_token: expect.stringMatching(/^not-a-real-refresh-[0-9a-f]{32}$/),
      'as:client_id': 'apiApp',
      userName: username,
      '.issued': 'Tue, 24 Nov 2026 12:00:00 GMT',
      '.expires': 'Tue, 24 Nov 2026 12:30:00 GMT',
    });
  });

  test('the token endpoint uses the lifetime of the user if there is one', async () => {
    fegora.set({ lifetimeSeconds: 86_401, lifetimes: { '43430775': 20 } });

    expect((await post(grant)).json.expires_in).toBe(86_400);
    expect((await post({ ...grant, username: '43430775' })).json.expires_in).toBe(19);
  });

  test('the token endpoint checks the client before the password and the grant type', async () => {
    const refused = { error: 'invalid_clientId', error_description: "Client 'apiAp' is not registered in the system." };

    for (const rest of [{}, { password: 'wrong' }, { grant_type: 'nonsense' }]) {
      const { status, json } = await post({ ...grant, ...rest, client_id: 'apiAp' });
      expect(status).toBe(400);
      expect(json).toEqual(refused);
    }
    expect(fegora.counters().refusals).toBe(0);
  });

  test('the token endpoint issues no refresh token when the request names no client', async () => {
    const { client_id: _, ...withoutClient } = grant;
    const { status, json } = await post(withoutClient);

    expect(status).toBe(200);
    expect(json).not.toHaveProperty('refresh_token');
    expect(json['as:client_id']).toBe('');
  });

  test.each([
    ['a wrong password', { password: 'wrong' }],
    ['no password', { password: '' }],
    ['an unknown user', { username: 'unknown' }],
  ])('the token endpoint refuses %s with a description that may be in another language', async (_, wrong) => {
    fegora.set({ refusal: 'El usuario o la contraseña no son correctos.' });
    const { status, headers, json } = await post({ ...grant, ...wrong });

    expect(status).toBe(400);
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(json).toEqual({
      error: 'invalid_grant',
      error_description: 'El usuario o la contraseña no son correctos.',
    });
  });

  test.each([
    ['another grant type', () => post({ ...grant, grant_type: 'client_credentials' })],
    ['a JSON body', () => post(JSON.stringify(grant), { headers: { 'Content-Type': 'application/json' } })],
    ['a GET', async () => replyOf(await fetch(`${fegora.url}?${new URLSearchParams(grant)}`))],
    ['an empty body', () => post('')],
  ])('the token endpoint answers unsupported_grant_type when it gets %s', async (_, send) => {
    const { status, json } = await send();

    expect(status).toBe(400);
    expect(json).toEqual({ error: 'unsupported_grant_type' });
    expect(fegora.counters()).toMatchObject({ attempts: 0, otherGrants: 1 });
  });

  test('the token endpoint reads a form with any content type', async () => {
    const headers = { 'Content-Type': 'text/plain' };

    expect((await post(new URLSearchParams(grant).toString(), { headers })).status).toBe(200);
  });

  test.each([
    ['a plus is a space', 'a b', 'password=a+b'],
    ['escapes are UTF-8', 'ñ&=+%', 'password=%C3%B1%26%3D%2B%25'],
    ['raw bytes are UTF-8', 'ñ', 'password=ñ'],
    ['escapes that are not UTF-8 stay', '%E1', 'password=%E1'],
    ['the second equals sign belongs to the value', 'a=b', 'password=a=b'],
    ['names ignore case', 'a', 'PassWord=a'],
    ['white space before a name is dropped', 'a', '%20password=a'],
    ['a part without an equals sign is dropped', 'a', 'password&password=a'],
    ['a semicolon is not a delimiter', 'a;b', 'password=a;b'],
    ['values of one name are joined', 'a,b', 'password=a&password=b'],
  ])('the token endpoint parses a form as Katana does: %s', async (_, meant, written) => {
    fegora.setPassword(username, meant);
    const { status } = await post(`grant_type=password&client_id=apiApp&username=${username}&${written}`);

    expect(status).toBe(200);
  });

  test('the token endpoint reads a raw plus in a password as a space', async () => {
    fegora.setPassword(username, 'a+b');

    expect((await post(`grant_type=password&client_id=apiApp&username=${username}&password=a+b`)).status).toBe(400);
  });
});

describe('the lockout', () => {
  const wrong = { ...grant, password: 'wrong' };

  test('the lockout refuses the right password for five minutes after five wrong ones', async () => {
    for (let failure = 0; failure < 5; failure += 1) {
      await post(wrong);
    }
    expect((await post(grant)).json.error).toBe('invalid_grant');
    expect(fegora.counters().users[username]).toMatchObject({ refusals: 6, logins: 0, locked: true });

    time += 5 * 60_000 - 1;
    expect((await post(grant)).status).toBe(400);
    time += 1;
    expect((await post(grant)).status).toBe(200);
  });

  test('the lockout starts to count again after a success, and does not lock other users', async () => {
    for (const form of [wrong, wrong, wrong, wrong, grant, wrong, wrong, wrong, wrong]) {
      await post(form);
    }
    expect((await post(grant)).status).toBe(200);
    expect((await post({ ...grant, username: '43430775' })).status).toBe(200);
  });

  test('the lockout is off when lockoutFailures is 0', async () => {
    fegora.set({ lockoutFailures: 0 });
    for (let failure = 0; failure < 8; failure += 1) {
      await post(wrong);
    }
    expect((await post(grant)).status).toBe(200);
  });
});

describe('the users', () => {
  test('the users have names that ignore case: lockout, faults and password changes are for all spellings', async () => {
    const spelt = { ...grant, username: 'Usuario@X.gt' };
    fegora.setPassword('usuario@x.gt', password);
    expect((await post(spelt)).json.userName).toBe('Usuario@X.gt');

    fegora.addFault({ kind: 'answer', status: 503, username: 'USUARIO@X.GT' });
    expect((await post(spelt)).status).toBe(503);
    for (const name of ['a@x.gt', 'Usuario@x.gt', 'USUARIO@X.gt', 'usuario@X.gt', 'usuario@x.gt', 'usuariO@x.gt']) {
      await post({ ...spelt, username: name, password: 'wrong' });
    }
    expect((await post(spelt)).json.error).toBe('invalid_grant');
    expect(Object.keys(fegora.counters().users)).toEqual(['usuario@x.gt', 'a@x.gt']);
    expect(fegora.counters().users['usuario@x.gt']).toMatchObject({ attempts: 8, locked: true });
  });

  test('the users have counters of how often each password was sent, without the passwords', async () => {
    for (const form of [grant, { ...grant, password: 'wrong' }, grant, { ...grant, username: '43430775' }]) {
      await post(form);
    }
    fegora.addFault({ kind: 'reset' });
    await post(grant).catch(() => {});

    const { users, sends } = fegora.counters();
    expect(users[username]?.sends).toEqual({ [passwordHash(password)]: 3, [passwordHash('wrong')]: 1 });
    expect(sends[passwordHash(password)]).toBe(4);
    expect(passwordHash(password)).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify([fegora.counters(), fegora.logins()])).not.toContain(password);
  });
});

describe('a refused password', () => {
  const wrong = { ...grant, password: 'wrong' };

  test.each([
    [401, '{"error":"invalid_grant"}'],
    [403, '{"message":"blocked"}'],
    [423, undefined],
    [200, '{"error":"invalid_grant"}'],
  ])('a refused password can be answered with status %i and body %s, and counts as before', async (status, body) => {
    fegora.set({ refusedAs: { status, ...(body !== undefined && { body }) } });
    for (let failure = 0; failure < 5; failure += 1) {
      const reply = await post(wrong);
      expect(reply.status).toBe(status);
      expect(reply.text).toMatch(body ?? /^<!DOCTYPE html>/);
    }
    expect((await post(grant)).status).toBe(status);
    expect(fegora.counters().users[username]).toMatchObject({ refusals: 6, logins: 0, locked: true });

    time += 5 * 60_000;
    expect((await post(grant)).json.token_type).toBe('bearer');
    fegora.set({ refusedAs: null });
    expect((await post(wrong)).json.error).toBe('invalid_grant');
  });

  test('answers a refused refresh token as usual when it refuses passwords in another way', async () => {
    fegora.set({ refusedAs: { status: 401 } });
    const { status } = await post({ grant_type: 'refresh_token', client_id: 'apiApp', refresh_token: 'unknown' });

    expect(status).toBe(400);
  });

  test('a refused password and a good one can both be answered late', async () => {
    const slept: number[] = [];
    const slow = await startFegoraSimulator({
      accounts: { [username]: password },
      sleep: async (ms) => slept.push(ms),
    });
    slow.set({ delayMs: 9000 });
    slow.addFault({ kind: 'late', delayMs: 20_000, times: 2 });
    const replies: string[] = [];
    for (const form of [grant, wrong, grant, wrong]) {
      const response = await fetch(slow.url, { method: 'POST', body: new URLSearchParams(form) });
      const { error, token_type: type } = Object(await response.json());
      replies.push(error ?? type);
    }
    await slow.close();

    expect(replies).toEqual(['bearer', 'invalid_grant', 'bearer', 'invalid_grant']);
    expect(slept).toEqual([20_000, 20_000, 9000, 9000]);
    expect(slow.counters()).toMatchObject({ logins: 2, refusals: 2, attempts: 4 });
  });

  test('a refused password counts when only the answer has a fault', async () => {
    fegora.addFault({ kind: 'answer', status: 401, body: '{}', afterLogin: true, times: null });
    for (let failure = 0; failure < 5; failure += 1) {
      expect((await post(wrong)).status).toBe(401);
    }
    expect(fegora.counters().users[username]).toMatchObject({ refusals: 5, locked: true });
  });
});

describe('refresh tokens', () => {
  const refresh = (token: unknown, clientId = 'apiApp') =>
    post({ grant_type: 'refresh_token', client_id: clientId, refresh_token: String(token) });

  test('refresh tokens work once and give a new refresh token', async () => {
    const first = (await post(grant)).json.refresh_token;
    const renewed = await refresh(first);

    expect(renewed.status).toBe(200);
    expect(renewed.json.userName).toBe(username);
    expect((await refresh(first)).json).toEqual({ error: 'invalid_grant' });
    expect((await refresh(renewed.json.refresh_token)).status).toBe(200);
    expect(fegora.counters()).toMatchObject({ logins: 1, refreshes: 2, refusals: 0 });
  });

  test('refresh tokens end with every new login of their user, but not with a login of another user', async () => {
    const mine = (await post(grant)).json.refresh_token;
    const other = (await post({ ...grant, username: '43430775' })).json.refresh_token;
    await post(grant);

    expect((await refresh(mine)).json).toEqual({ error: 'invalid_grant' });
    expect((await refresh(other)).status).toBe(200);
  });

  test('refresh tokens end when a request names no client, or another client', async () => {
    const first = (await post(grant)).json.refresh_token;
    const withoutClient = await post({ grant_type: 'refresh_token', refresh_token: String(first) });

    expect(withoutClient.json.error).toBe('invalid_clientId');
    expect((await refresh(first)).json).toEqual({ error: 'invalid_grant' });
  });
});

describe('access tokens', () => {
  test('access tokens stay valid after a new login, up to the millisecond of their expiry', async () => {
    const old = (await post(grant)).json.access_token;
    time += 60_000;
    const young = (await post(grant)).json.access_token;
    expect((await whoami(old)).json).toEqual({ userName: username, method: 'GET', body: '' });

    time = Date.parse('2026-11-24T12:29:59.999Z');
    expect((await whoami(old)).status).toBe(200);
    time += 1;
    expect((await whoami(old)).status).toBe(401);
    expect((await whoami(young)).status).toBe(200);
  });

  test('access tokens get 401 and a challenge when they are unknown or missing', async () => {
    expect((await whoami('nonsense')).headers.get('www-authenticate')).toBe('Bearer');
    expect((await fetch(`${fegora.origin}/api/whoami`)).status).toBe(401);
    expect(fegora.counters()).toMatchObject({ apiCalls: 2, apiRefusals: 2 });
  });

  test('access tokens become invalid when the key changes, and later ones work', async () => {
    const old = (await post(grant)).json.access_token;
    fegora.changeKey();

    expect((await whoami(old)).status).toBe(401);
    expect((await whoami((await post(grant)).json.access_token)).status).toBe(200);
  });

  test('access tokens let a call through, and the API answers with its method and body', async () => {
    const token = (await post(grant)).json.access_token;
    const headers = { Authorization: `Bearer ${token}` };
    const response = await fetch(`${fegora.origin}/api/whoami`, { method: 'PUT', headers, body: 'invoice' });

    expect(await response.json()).toEqual({ userName: username, method: 'PUT', body: 'invoice' });
  });
});

/** Keeps the server working on every request until `finish` is called. */
function keepWorking(): { readonly finish: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  work = promise;
  return { finish: resolve };
}

/** Sends a login that gets no answer yet. Resolves when the login has arrived. */
async function sendAndWait(): Promise<{ readonly hangUp: () => Promise<void> }> {
  const client = new AbortController();
  const reply = post(grant, { signal: client.signal }).catch(() => 'hung up');
  await expect.poll(() => fegora.logins().length, pollOptions).toBe(1);
  return {
    hangUp: async () => {
      client.abort();
      expect(await reply).toBe('hung up');
      await expect.poll(() => fegora.logins()[0]?.hungUp, pollOptions).toBe(true);
    },
  };
}

/** Sends two logins. Neither gets an answer before both have arrived. */
async function together(one: Record<string, string>, other: Record<string, string>): Promise<Reply[]> {
  const server = keepWorking();
  const replies = Promise.all([post(one), post(other)]);
  await expect.poll(() => fegora.logins().length, pollOptions).toBe(2);
  server.finish();
  return replies;
}

describe('two logins at once', () => {
  beforeEach(() => fegora.set({ delayMs: 1 }));

  test('two logins at once both succeed, and every later login gets an HTML 500 until a row is deleted', async () => {
    const both = await together(grant, grant);
    expect(both.map(({ status }) => status)).toEqual([200, 200]);

    for (const _ of [1, 2]) {
      const { status, headers, text } = await post(grant);
      expect(status).toBe(500);
      expect(headers.get('content-type')).toMatch(/^text\/html/);
      expect(text).toMatch(/^<!DOCTYPE html>/);
    }
    expect(fegora.counters().users[username]).toEqual({
      ...{ refreshAttempts: 0, refreshes: 0, refreshRefusals: 0 },
      attempts: 4,
      logins: 2,
      refusals: 0,
      crashes: 2,
      overlapsSeen: 1,
      overlapsInside: 1,
      maxInFlight: 2,
      maxOverlapInside: 2,
      sends: { [passwordHash(password)]: 4 },
      bricked: true,
      locked: false,
    });
    fegora.unbrick(username);
    expect((await post(grant)).status).toBe(200);
    expect((await post(grant)).status).toBe(200);
  });

  test('two logins at once do not count as overlapping when they are of different users', async () => {
    await together(grant, { ...grant, username: '43430775' });

    expect(fegora.counters()).toMatchObject({ logins: 2, overlapsSeen: 0, overlapsInside: 0, maxInFlight: 1 });
    expect((await post(grant)).status).toBe(200);
  });

  test('two logins at once do not brick the account when one of them is refused', async () => {
    await together(grant, { ...grant, password: 'wrong' });

    expect(fegora.counters()).toMatchObject({ logins: 1, refusals: 1, overlapsSeen: 1, overlapsInside: 1 });
    expect((await post(grant)).status).toBe(200);
  });

  test('two logins at once brick the account too when the client of one has hung up; only the server sees the overlap', async () => {
    const server = keepWorking();
    const client = await sendAndWait();
    await client.hangUp();
    const second = post(grant);
    await expect.poll(() => fegora.logins().length, pollOptions).toBe(2);
    server.finish();

    expect((await second).status).toBe(200);
    expect(fegora.counters()).toMatchObject({ logins: 2, overlapsSeen: 0, overlapsInside: 1, maxInFlight: 1 });
    expect(fegora.logins()[0]).toMatchObject({ username, outcome: 'issued', hungUp: true });
    expect((await post(grant)).status).toBe(500);
  });

  test('promise 74: two logins at once brick the account when their names of the user differ only in case', async () => {
    const spelt = { ...grant, username: 'Usuario@X.gt' };
    fegora.setPassword(spelt.username, password);
    await together(spelt, { ...spelt, username: 'uSUARIO@x.GT' });

    expect(fegora.counters().users).toMatchObject({
      'usuario@x.gt': { attempts: 2, logins: 2, overlapsInside: 1, maxOverlapInside: 2, bricked: true },
    });
    expect((await post(spelt)).status).toBe(500);
    fegora.unbrick('USUARIO@X.GT');
    expect((await post(spelt)).json.userName).toBe(spelt.username);
  });

  test('two logins at once that are answered late are inside together, however late the client still waits', async () => {
    const server = keepWorking();
    const client = await sendAndWait();
    await client.hangUp();
    const replies = [post(grant), post({ ...grant, password: 'wrong' })];
    await expect.poll(() => fegora.logins().length, pollOptions).toBe(3);
    server.finish();
    await Promise.all(replies);

    expect(fegora.counters()).toMatchObject({
      overlapsSeen: 1,
      maxInFlight: 2,
      overlapsInside: 3,
      maxOverlapInside: 3,
    });
  });

  test('brick has the effect of two logins at once', async () => {
    fegora.brick(username);
    expect((await post(grant)).status).toBe(500);
  });

  test('logins do not overlap when they come one after the other', async () => {
    fegora.set({ delayMs: 0 });
    for (let login = 0; login < 50; login += 1) {
      expect((await post(grant)).status).toBe(200);
    }
    expect(fegora.counters()).toMatchObject({ logins: 50, overlapsSeen: 0, overlapsInside: 0, maxInFlight: 1 });
  });
});

describe('faults', () => {
  test('faults come in order, as many times as set, and only for the user that they name', async () => {
    fegora.addFault({ kind: 'answer', status: 503, headers: { 'Retry-After': '7' }, times: 2 });
    fegora.addFault({ kind: 'answer', status: 418, body: '{}', headers: { 'Content-Type': 'application/json' } });
    fegora.addFault({ kind: 'answer', status: 502, username: '43430775', times: null });

    const first = await post(grant);
    expect(first.status).toBe(503);
    expect(first.headers.get('retry-after')).toBe('7');
    expect(first.text).toMatch(/^<!DOCTYPE html>/);
    expect((await post(grant)).status).toBe(503);
    expect((await post(grant)).text).toBe('{}');
    expect((await post(grant)).status).toBe(200);
    expect((await post({ ...grant, username: '43430775' })).status).toBe(502);
    expect((await post({ ...grant, username: '43430775' })).status).toBe(502);
    fegora.clearFaults();
    expect((await post({ ...grant, username: '43430775' })).status).toBe(200);
    expect(fegora.logins().map(({ outcome }) => outcome)).toEqual([
      ...['faulted', 'faulted', 'faulted', 'issued', 'faulted', 'faulted', 'issued'],
    ]);
  });

  test.each(['reset', 'reset-mid-body', 'truncate'] as const)(
    'of some kinds break the connection: %s',
    async (kind) => {
      fegora.addFault({ kind });

      await expect(post(grant)).rejects.toThrow();
      expect((await post(grant)).status).toBe(200);
      expect(fegora.counters()).toMatchObject({ attempts: 2, logins: 1 });
    },
  );

  test('faults can come after the login is done', async () => {
    fegora.addFault({ kind: 'reset', afterLogin: true });

    await expect(post(grant)).rejects.toThrow();
    expect(fegora.counters()).toMatchObject({ attempts: 1, logins: 1 });
  });

  test('faults hang until the client closes the connection, and count as open until then', async () => {
    fegora.addFault({ kind: 'hang' });
    const client = await sendAndWait();
    expect((await post(grant)).status).toBe(200);
    await client.hangUp();
    expect((await post(grant)).status).toBe(200);
    expect(fegora.counters()).toMatchObject({ attempts: 3, logins: 2, overlapsSeen: 1, maxInFlight: 2 });
  });

  test('faults wait for their own delay in place of that of the settings', async () => {
    const slept: number[] = [];
    const sleep = async (ms: number): Promise<void> => {
      slept.push(ms);
    };
    const slow = await startFegoraSimulator({ accounts: { [username]: password }, delayMs: 30_000, sleep });
    slow.addFault({ kind: 'answer', status: 500, delayMs: 60_000 });
    for (const _ of [1, 2]) {
      await fetch(slow.url, { method: 'POST', body: new URLSearchParams(grant) });
    }
    await slow.close();

    expect(slept).toEqual([60_000, 30_000]);
  });
});

test('beforeAnswer runs after the work and before the answer', async () => {
  const seen: string[] = [];
  const hooked = await startFegoraSimulator({
    accounts: { [username]: password },
    beforeAnswer: async ({ outcome }) => {
      seen.push(outcome);
      await realSleep(10);
      seen.push('answering');
    },
  });
  await fetch(hooked.url, { method: 'POST', body: new URLSearchParams(grant) }).then((one) => one.text());
  seen.push('answered');
  await hooked.close();

  expect(seen).toEqual(['issued', 'answering', 'answered']);
});

describe('the control endpoint', () => {
  test('the control endpoint shows the counters', async () => {
    await post(grant);

    expect((await control()).json).toEqual({ ...fegora.counters() });
    expect(fegora.counters()).toMatchObject({ attempts: 1, logins: 1, unexpected: 0 });
  });

  test('the control endpoint runs the commands of another process', async () => {
    await control({
      accounts: { '7': 'not-real-either' },
      settings: { lifetimeSeconds: 100 },
      faults: [{ kind: 'reset' }],
    });
    await expect(post(grant)).rejects.toThrow();
    const { json } = await post({ ...grant, username: '7', password: 'not-real-either' });
    expect(json.expires_in).toBe(99);

    await control({ changeKey: true, brick: '7', faults: [{ kind: 'reset', times: null }] });
    expect((await whoami(json.access_token)).status).toBe(401);
    await control({ clearFaults: true });
    expect((await post({ ...grant, username: '7', password: 'not-real-either' })).status).toBe(500);
    await control({ unbrick: '7' });
    expect((await post({ ...grant, username: '7', password: 'not-real-either' })).status).toBe(200);
    expect((await control({ resetCounters: true })).json).toMatchObject({
      attempts: 0,
      logins: 0,
      apiCalls: 0,
      users: {},
    });
  });

  test.each(['not JSON', '[]', 'null', '{"nonsense":1}'])('the control endpoint refuses %s', async (body) => {
    expect((await fetch(`${fegora.origin}/_control`, { method: 'POST', body })).status).toBe(400);
  });
});

test('the simulator answers 404 on any other path, and counts the request', async () => {
  const response = await fetch(`${fegora.origin}/connect/token`, { method: 'POST' });

  expect(response.status).toBe(404);
  expect(fegora.counters().unexpected).toBe(1);
});

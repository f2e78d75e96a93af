// Tests the refresh grant of the Fegora simulator over HTTP: one use, death, faults, counters (local/fegora).
import { setTimeout as realSleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Fault } from '../../../local/fegora/faults.ts';
import { type FegoraSimulator, startFegoraSimulator } from '../../../local/fegora/simulator.ts';

const username = '25365421';
const password = 'not-a-real-password';

let fegora: FegoraSimulator;
/** What the server waits for if it has a delay. */
let work: Promise<void> = Promise.resolve();

beforeEach(async () => {
  work = Promise.resolve();
  fegora = await startFegoraSimulator({ accounts: { [username]: password }, sleep: () => work });
});
afterEach(() => fegora.close());

async function post(form: Record<string, string>): Promise<Record<string, unknown>> {
  const body = new URLSearchParams({ client_id: 'apiApp', ...form });
  const response = await fetch(fegora.url, { method: 'POST', body, redirect: 'manual' });
  return JSON.parse(await response.text());
}

const logIn = () => post({ grant_type: 'password', username, password });
const refresh = (token: unknown) => post({ grant_type: 'refresh_token', refresh_token: String(token) });

test('a refresh counts apart from the logins, in total and by user', async () => {
  const { refresh_token: first } = await logIn();
  await refresh(first);
  await refresh(first);

  const counts = { attempts: 1, logins: 1, refusals: 0, refreshAttempts: 2, refreshes: 1, refreshRefusals: 1 };
  expect(fegora.counters()).toMatchObject({ ...counts, otherGrants: 2 });
  expect(fegora.counters().users[username]).toMatchObject(counts);
  expect(fegora.grants().map(({ outcome }) => outcome)).toEqual(['issued', 'refreshed', 'refused']);
});

test('a refresh with a token that was never issued counts in total only', async () => {
  await refresh('unknown');

  expect(fegora.counters()).toMatchObject({ refreshAttempts: 1, refreshRefusals: 1, users: {} });
});

test('refresh tokens survive a change of the password, and end with a login elsewhere', async () => {
  const { refresh_token: first } = await logIn();
  fegora.setPassword(username, 'not-a-real-password-2');
  const { refresh_token: second } = await refresh(first);
  fegora.logInElsewhere(username);

  expect(second).toMatch(/^not-a-real-refresh-/);
  expect(await refresh(second)).toEqual({ error: 'invalid_grant' });
  expect(fegora.counters()).toMatchObject({ attempts: 1, logins: 1 });
});

test('refresh tokens end with a change of the key, and the next login works', async () => {
  const { refresh_token: first } = await logIn();
  fegora.changeKey();

  expect(await refresh(first)).toEqual({ error: 'invalid_grant' });
  const { refresh_token: next } = await logIn();
  expect(await refresh(next)).toHaveProperty('access_token');
});

test('a control command logs in elsewhere', async () => {
  const { refresh_token: first } = await logIn();
  await fetch(`${fegora.origin}/_control`, { method: 'POST', body: JSON.stringify({ logInElsewhere: username }) });

  expect(await refresh(first)).toEqual({ error: 'invalid_grant' });
});

const cut: readonly Fault['kind'][] = ['reset', 'truncate', 'reset-mid-body', 'lost-successor'];

test.for(cut)('a refresh with the fault «%s» brings no token', async (kind) => {
  const { refresh_token: first } = await logIn();
  fegora.addFault({ kind, grant: 'refresh_token' } as Fault);

  await expect(refresh(first)).rejects.toThrow();
});

test('a refresh token is deleted without a successor when the server ends in between', async () => {
  const { refresh_token: first } = await logIn();
  fegora.addFault({ kind: 'lost-successor' });
  await refresh(first).catch(() => {});

  expect(await refresh(first)).toEqual({ error: 'invalid_grant' });
  expect(fegora.counters().users[username]).toMatchObject({ bricked: false, refreshes: 0 });
});

test('a refresh that arrives twice is refused, and its refresh token is gone', async () => {
  const { refresh_token: first } = await logIn();
  fegora.addFault({ kind: 'replay' });

  expect(await refresh(first)).toEqual({ error: 'invalid_grant' });
  expect(await refresh(first)).toEqual({ error: 'invalid_grant' });
});

test('a fault for one grant leaves the other grant as it is', async () => {
  fegora.addFault({ kind: 'answer', status: 503, body: '{}', grant: 'refresh_token', username });
  const { refresh_token: first } = await logIn();

  expect(first).toMatch(/^not-a-real-refresh-/);
  expect(await refresh(first)).toEqual({});
  expect(await refresh(first)).toHaveProperty('access_token');
});

test('a login and a refresh of one user at the same time overlap, and brick the user', async () => {
  const { refresh_token: first } = await logIn();
  const { promise, resolve } = Promise.withResolvers<void>();
  work = promise;
  fegora.set({ delayMs: 1 });
  const both = [refresh(first), logIn()];
  while (fegora.counters().refreshAttempts + fegora.counters().attempts < 3) {
    await realSleep(1);
  }
  await realSleep(5);
  resolve();
  await Promise.allSettled(both);

  const counts = { overlapsSeen: 1, overlapsInside: 1, maxInFlight: 2, maxOverlapInside: 2 };
  expect(fegora.counters()).toMatchObject(counts);
  expect(fegora.counters().users[username]).toMatchObject(counts);
});

test('a replayed refresh token overlaps with a login of its user', async () => {
  const { refresh_token: used } = await logIn();
  await logIn();
  const { promise, resolve } = Promise.withResolvers<void>();
  work = promise;
  fegora.set({ delayMs: 1 });
  const both = [logIn(), refresh(used)];
  while (fegora.counters().refreshAttempts + fegora.counters().attempts < 4) {
    await realSleep(1);
  }
  resolve();
  await Promise.allSettled(both);

  expect(fegora.counters()).toMatchObject({ maxOverlapInside: 2 });
});

// Tests that the fleet's Fegora sees logins that overlap (upstream.ts).
import { expect, test } from 'vitest';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { createUpstream } from './upstream.ts';

const never = new AbortController().signal;

test.each([
  [['user-1', 'user-1'], 1],
  [['user-1', 'user-2'], 0],
])('counts overlaps when logins of %j are in flight at the same time', async (usernames, overlaps) => {
  const clock = createVirtualClock();
  const { login, seen } = createUpstream({ clock, loginMs: 1000, connectMs: 100, lifetimeMs: 60_000 });
  const logins = usernames.map(async (username) => {
    const connection = await login(never);
    const credentials = { username, password: 'not-a-real-password', clientId: 'apiApp', versionId: 'v1' };
    return connection.kind === 'connected'
      ? await connection.send(credentials, { signal: never, beforeFirstByte: () => true })
      : connection;
  });
  await clock.until(Promise.all(logins));

  expect(seen).toEqual({ connections: 2, logins: 2, overlaps, mostInFlight: 2 });
});

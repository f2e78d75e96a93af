// How long a process that ran the bundle holds a password: its heap is searched. The process never gets it but from the secret.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildFunction } from '../../../scripts/bundles/function.ts';
import { httpEvent, lambdaContext } from '../../support/events/events.ts';
import { startTestSystem, type TestSystem } from '../../support/test-system.ts';

/** The script knows only its first half: it must not put into the heap what it looks for. */
const mark = 'findable';
const password = `${mark}-in-the-heap`;

let folder: string;
let system: TestSystem;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memory-'));
  await buildFunction(join(folder, 'lambda'));
  system = await startTestSystem();
  system.secrets.put('fegora/one', JSON.stringify({ username: 'user-one', password }));
  system.fegora.setPassword('user-one', password);
}, 60_000);
afterAll(async () => {
  await system.close();
  await rm(folder, { recursive: true });
});

/**
 * Logs in, counts the strings with the password in the heap, then lets every timer of 15 minutes fire and counts again.
 * Such timers are held back by the script, because the test cannot wait for them.
 */
async function countPasswords(): Promise<readonly number[]> {
  const call = { event: httpEvent({ account: 'one' }), context: lambdaContext('http') };
  const script = `
    import { getHeapSnapshot } from 'node:v8';
    import { text } from 'node:stream/consumers';
    const held = new Set();
    const { setTimeout: start, clearTimeout: stop } = globalThis;
    globalThis.setTimeout = (work, ms, ...rest) => {
      if (ms !== 900_000) return start(work, ms, ...rest);
      const timer = { work, unref: () => timer };
      held.add(timer);
      return timer;
    };
    globalThis.clearTimeout = (timer) => held.delete(timer) || stop(timer);
    const count = async () => {
      globalThis.gc();
      const { strings } = JSON.parse(await text(getHeapSnapshot()));
      // A regular expression would keep the last string that it matched.
      const sought = ['${mark}', 'in'].join('-');
      return strings.filter((string) => string.includes(sought) && string.length > sought.length).length;
    };
    const { handler } = await import(${JSON.stringify(pathToFileURL(join(folder, 'lambda', 'index.mjs')).href)});
    const { event, context } = ${JSON.stringify(call)};
    const { statusCode } = await handler(event, { ...context, getRemainingTimeInMillis: () => 25_000 });
    const before = await count();
    for (const { work } of held) work();
    held.clear();
    await new Promise((resolve) => start(resolve, 50));
    process.stdout.write('counts:' + JSON.stringify([statusCode, before, await count()]));
  `;
  const args = ['--expose-gc', '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...system.env }, timeout: 60_000 });
  return JSON.parse(stdout.split('counts:')[1] ?? '[]');
}

test('the heap holds no password when 15 minutes have passed since the secret was read', async () => {
  const [status, before, after] = await countPasswords();

  expect(status).toBe(200);
  expect(before).toBeGreaterThan(0);
  expect(after).toBe(0);
}, 60_000);

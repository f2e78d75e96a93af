// Counts our own stack frames between the handler and the POST to Fegora. Called by structure.ts; preloaded into npm start.
import { execFile } from 'node:child_process';
import { writeSync } from 'node:fs';
import http, { type ClientRequest } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isMainThread } from 'node:worker_threads';

/** One frame a line: the function's name, and its file below `lambda/`. */
export type Frames = readonly { readonly name: string; readonly file: string }[];

const prefix = 'frames of the login: ';

/**
 * Makes one cold call with `npm start -- --once`.
 *
 * @param root absolute path of the repository
 * @returns the frames of `lambda/` at the time of the POST, the innermost first
 */
export async function readFrames(root: string): Promise<Frames> {
  const args = ['--stack-trace-limit=200', '--import', import.meta.filename, 'local/start.ts', '--once'];
  const { stderr } = await promisify(execFile)(process.execPath, args, { cwd: root });
  const line = stderr.split('\n').find((text) => text.startsWith(prefix));
  if (line === undefined) {
    throw new Error(`No login was seen below ${join(root, 'lambda')}.\n${stderr}`);
  }
  return line
    .slice(prefix.length)
    .split(' < ')
    .map((frame) => ({ name: frame.split('@')[0] ?? '', file: frame.split('@')[1] ?? '' }));
}

/**
 * Writes the stack of the first request that a call makes from `lambda/fegora` (or lambda/fegora.ts) to standard error. The
 * connection that the init begins fails, so that the call opens its own.
 */
function watchRequests(): void {
  const { request } = http;
  let seen = false;
  http.request = ((...args: Parameters<typeof request>): ClientRequest => {
    const stack = new Error('stack').stack ?? '';
    const isOfLogin = /lambda\/(fegora\/|fegora\.ts|.*password-grant)/.test(stack);
    if (isOfLogin && !/lambda\/events\//.test(stack)) {
      return request('http://127.0.0.1:0');
    }
    if (!seen && isOfLogin) {
      seen = true;
      const frames = [...stack.matchAll(/at (?:async )?(?:(.*?) \()?\S*?(lambda\/[\w/-]+\.ts):\d+/g)];
      const line = frames.map(([, name = '(anonymous)', file]) => `${name}@${file}`).join(' < ');
      writeSync(2, `${prefix}${line}\n`); // not console.error, which npm start keeps to itself
    }
    return request(...args);
  }) as typeof request; // the overloads of request
  syncBuiltinESMExports();
}

// npm start runs the function in a worker, which loads this file before the function.
if (!isMainThread) {
  watchRequests();
}

// Finds the versions of Node on this machine. Used by the tests of what callers run in their own Node.
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The major versions of Node that the client supports. */
export const callerNodes: readonly number[] = [20, 22, 24];

/** Returns the path of a Node of this major version, if PATH has one. Otherwise prints that it is not installed. */
export async function findNode(major: number): Promise<string | undefined> {
  for (const place of new Set(process.env.PATH?.split(delimiter))) {
    const node = join(place, 'node');
    const isThere = await access(node).then(
      () => true,
      () => false,
    );
    if (isThere && (await run(node, ['--version'])).stdout.startsWith(`v${major}.`)) {
      return node;
    }
  }
  console.log(`Node ${major} is not installed here, so nothing ran in it.`);
  return undefined;
}

// The compilers, bundlers and test runners of other people, from tools/. Used by the tests of this folder.
import { access } from 'node:fs/promises';
import { join } from 'node:path';

/** The folder whose `node_modules` has the tools. `npm run proof` installs them. */
export const toolsFolder = join(import.meta.dirname, 'tools');

/** The versions of TypeScript among the tools and in this repository, with the path of each compiler. */
export const compilers: readonly (readonly [version: string, tsc: string])[] = [
  ['5.4', join(toolsFolder, 'node_modules/typescript-5.4/bin/tsc')],
  ['5.9', join(toolsFolder, 'node_modules/typescript/bin/tsc')],
  ['7', join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')],
];

/** Returns the path of a command of the tools. */
export function tool(command: string): string {
  return join(toolsFolder, 'node_modules/.bin', command);
}

/** Whether the tools are installed. Otherwise prints what does not run. */
export async function hasTools(what: string): Promise<boolean> {
  const isThere = await access(join(toolsFolder, 'node_modules')).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    console.log(`${what}: did not run, because test/package/tools is not installed. Run \`npm run proof\`.`);
  }
  return isThere;
}

// Tests what npm does to a command line (cli/npm.ts). With real npm: test/scenario/cli/npm.test.ts.
import { expect, test } from 'vitest';
import { namedPath } from '../../../cli/npm.ts';

const run = { INIT_CWD: '/app/infra', npm_package_json: '/app/package.json', npm_lifecycle_script: 'node cli/main.ts' };

test.each([
  ['typed after npm run, in another folder', run, '/app', '/app/infra/x.json'],
  ['typed after npm run, beside package.json', { ...run, INIT_CWD: '/app' }, '/app', 'x.json'],
  ['of a script of package.json', { ...run, npm_lifecycle_script: 'fegora-broker --outputs x.json' }, '/app', 'x.json'],
  ['of a script that has changed the folder', run, '/app/deploy', 'x.json'],
  ['typed without npm', {}, '/app', 'x.json'],
])('namedPath reads a path that is %s', (_, env, cwd, path) => {
  expect(namedPath('x.json', '--outputs', env, cwd)).toBe(path);
  expect(namedPath('/tmp/x.json', '--outputs', env, cwd)).toBe('/tmp/x.json');
});

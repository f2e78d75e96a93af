// By which command the program says that it was started.
import { expect, test } from 'vitest';
import { programNameOf } from '../../../../cli/output/program-name.ts';

test.each([
  ['file:///clone/cli/main.ts', 'run-script', { command: 'npm run broker --', name: 'broker' }],
  [
    'file:///app/node_modules/fegora-token-broker/dist/cli/main.mjs',
    'exec',
    { command: 'npx fegora-broker', name: 'fegora-broker' },
  ],
  [
    'file:///app/node_modules/fegora-token-broker/dist/cli/main.mjs',
    undefined,
    { command: 'fegora-broker', name: 'fegora-broker' },
  ],
])('programNameOf %s with npm_command %s', (script, npmCommand, expected) => {
  expect(programNameOf(script, npmCommand)).toEqual(expected);
});

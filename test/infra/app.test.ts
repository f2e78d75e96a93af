// The CDK app as the CDK's command line runs it (infra/app.ts): what it prints when a setting is wrong.
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const app = join(import.meta.dirname, '../../infra/app.ts');
const stage = (settings: object) => ({ stage: 'dev', stages: { dev: settings } });

/** Runs the app with this context, and returns what it prints. */
async function failureOf(context: object): Promise<{ code: number; stderr: string }> {
  const env = {
    ...process.env,
    CDK_CONTEXT_JSON: JSON.stringify(context),
    CDK_OUTDIR: join(tmpdir(), 'never-written'),
  };
  // There is no cdk.json in this folder, so the context is all that the app knows.
  const running = promisify(execFile)(process.execPath, [app], { cwd: tmpdir(), env });
  return running.then(
    () => ({ code: 0, stderr: '' }),
    (failure) => failure,
  );
}

test.each([
  ['a stage that does not exist', { stage: 'prod', stages: { dev: {} } }, 'cdk.json has no stage "prod"'],
  [
    'a stage whose name the CDK refuses',
    { stage: 'my_stage', stages: { my_stage: { accounts: { main: {} } } } },
    'FegoraTokenBroker-my_stage',
  ],
  ['a misspelt setting', stage({ accounts: { main: {} }, allarms: {} }), 'allarms: is not a setting'],
  [
    'a group as an administrator',
    stage({ accounts: { main: {} }, administrator: 'arn:aws:iam::123456789012:group/ops' }),
    'administrator: must be the ARN of a role or a user',
  ],
  [
    'a region without a way to Fegora',
    stage({ accounts: { main: {} }, env: { account: '123456789012', region: 'us-iso-east-1' } }),
    'us-iso-east-1',
  ],
])('synth says in plain lines what is wrong with %s', async (_name, context, text) => {
  const { code, stderr } = await failureOf(context);

  expect(code).toBe(1);
  expect(stderr).toContain(text);
  expect(stderr).not.toMatch(/^\s+at |node:internal|Error:/m);
});

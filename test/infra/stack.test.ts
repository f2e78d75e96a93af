// Tests infra/stack.ts as a whole: cdk-nag, CloudFormation validation, cfn-lint, outputs and one snapshot.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Stack } from 'aws-cdk-lib';
import { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { expect, test } from 'vitest';
import { checkRules } from '../../infra/nag.ts';
import { asJson } from './support/statements.ts';
import { createApp, createStack, templateNames, templateOf } from './support/synth.ts';

/** Returns the findings of the rule packs and of the CDK's own validation, without our own warnings. */
function findingsIn(folder: string): unknown[] {
  const report = asJson(JSON.parse(readFileSync(join(folder, 'validation-report.json'), 'utf8')));
  const { pluginReports } = report;
  return (Array.isArray(pluginReports) ? pluginReports : []).filter(
    ({ pluginName }) => pluginName !== 'Construct Annotations',
  );
}

function createCheckedApp(): App {
  const app = createApp({ isChecked: true });
  checkRules(app);
  return app;
}

/** Synthesises with all rules of `npm run synth`. Throws if a rule is broken and not acknowledged. */
function synthesise(): string {
  const app = createCheckedApp();
  for (const stage of templateNames) {
    createStack(app, stage);
  }
  return app.synth().directory;
}

const directory = synthesise();

test('synth finds no broken rule of cdk-nag without a reason, and no template that is not valid', () => {
  expect(findingsIn(directory)).toEqual([]);
});

test('synth throws when a role has a right on every resource', () => {
  const app = createCheckedApp();
  const role = new Role(new Stack(app, 'Broken'), 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  role.addToPolicy(new PolicyStatement({ actions: ['dynamodb:*'], resources: ['*'] }));
  expect(() => app.synth()).toThrow(/AwsSolutions-IAM5/);
});

test('synth throws when CloudFormation would refuse the template', () => {
  const app = createCheckedApp();
  new CfnTable(new Stack(app, 'Broken'), 'Table', { keySchema: [], billingMode: 'PAY_NEVER' });
  expect(() => app.synth()).toThrow(/PAY_NEVER|BillingMode/);
});

test('cfn-lint finds no error in any template when it is installed', () => {
  const templates = readdirSync(directory).filter((file) => file.endsWith('.template.json'));
  expect(templates).toHaveLength(templateNames.length);
  // W3005 reports a dependency that a reference implies already. The CDK writes such dependencies.
  const lint = spawnSync('cfn-lint', ['--ignore-checks', 'W3005', '--', ...templates], {
    cwd: directory,
    encoding: 'utf8',
  });
  if (lint.error !== undefined) {
    console.info('cfn-lint is not installed: only the CDK has validated the templates');
    return;
  }
  expect(lint.stdout + lint.stderr).toBe('');
  expect(lint.status).toBe(0);
}, 120_000);

test('the stack has the outputs with which the command line finds a broker', () => {
  expect(Object.keys(asJson(templateOf('full').toJSON().Outputs))).toEqual(
    expect.arrayContaining(['Url', 'FunctionName', 'Secretmain', 'Secretnit2']),
  );
});

test('the template of the smallest stage equals its snapshot', () => {
  const masked = JSON.stringify(templateOf('minimal').toJSON(), null, 2)
    .replaceAll(/[0-9a-f]{64}/g, '<asset>')
    .replaceAll(/(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}/g, '$1<version>')
    .replaceAll(/(Deployment[0-9A-F]{7,8})[0-9a-f]{32}/g, '$1<deployment>');
  expect(JSON.parse(masked)).toMatchSnapshot();
});

// The examples, each copied to a folder of its own with the tarball installed. Their READMEs have the same commands.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asJson, type Statement, statementsOf } from '../infra/support/statements.ts';
import { wildcards } from '../infra/support/wildcards.ts';
import { examples } from '../support/examples.ts';
import { type LocalBroker, runHandler, startLocalBroker } from './caller.ts';
import { contextOf, logStreams, rightsOf, startExample, synthesise, tsc } from './example.ts';
import { openWorkshop, type Project, type Workshop } from './project.ts';
import { root } from './tarball.ts';

const names = ['cdk-app', 'lambda-only', 'step-functions'] as const;
let workshop: Workshop;
let broker: LocalBroker;

beforeAll(async () => {
  [workshop, broker] = await Promise.all([openWorkshop(), startLocalBroker()]);
});
afterAll(async () => {
  await broker.close();
  await workshop.close();
});

/** Runs the handler of a bundle with a document for the simulator, and returns what the simulator answers. */
async function post(project: Project, bundle: string, variables: Readonly<Record<string, string>>): Promise<unknown> {
  await project.write({ 'to-simulator.mjs': toSimulator });
  const event = JSON.stringify({ path: '/api/whoami', document: {} });
  const args = ['--import', './to-simulator.mjs', '--eval', runHandler, join(project.folder, bundle), event];
  return JSON.parse(await project.run('node', args, { ...broker.variables, ...variables }));
}

/** The simulator instead of Fegora's API. */
const toSimulator = `
const { fetch } = globalThis;
globalThis.fetch = (url, init) => fetch(String(url).replace('https://api.fegora.com', process.env.FEGORA_API), init);
`;

const accepted = { status: 200, body: expect.stringContaining('user-of-') };

test('the versions that the examples name are those that this repository tests', async () => {
  const read = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
  const { devDependencies: tested } = await read(join(root, 'package.json'));
  const { devDependencies: tools } = await read(join(import.meta.dirname, 'tools/package.json'));
  for (const name of names) {
    const { dependencies, devDependencies } = await read(join(examples, name, 'package.json'));
    const { 'fegora-token-broker': ours, ...others } = { ...dependencies, ...devDependencies };
    expect(ours).toBe('file:fegora-token-broker.tgz');
    expect({ ...tools, ...tested }).toMatchObject(others);
  }
});

test.each(names)('the README of the example %s has at most 40 lines', async (name) => {
  const readme = await readFile(join(examples, name, 'README.md'), 'utf8');
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(40);
});

describe('cdk-app', () => {
  let project: Project;
  let template: Template;
  let statements: readonly Statement[];

  beforeAll(async () => {
    project = await startExample(workshop, 'cdk-app');
    await project.write({ 'nag.cjs': nag });
    template = await synthesise(project, await contextOf(project), '--require', './nag.cjs');
    statements = statementsOf(template);
  });

  test('promise 49: the example compiles and synthesises, and each caller has one right and its variables', () => {
    const paths = [expect.stringMatching(/\/v1\/POST\/token$/), expect.stringMatching(/\/v1\/POST\/token\/main$/)];
    expect(rightsOf('ApiCallerServiceRole', statements)).toEqual(paths);
    expect(rightsOf('PermittedProbeFunctionRole', statements)).toEqual(paths);
    expect(rightsOf('DirectCallerServiceRole', statements)).toEqual([
      expect.stringMatching(/^lambda:InvokeFunction .*Aliasaccountmain/),
    ]);
    expect(rightsOf('ForbiddenProbeFunctionRole', statements)).toEqual([]);
    const variables = { FEGORA_BROKER_ACCOUNT: 'main' };
    expect(variablesOf('ApiCaller', template)).toEqual({ ...variables, FEGORA_BROKER_ENDPOINT: expect.anything() });
    expect(variablesOf('DirectCaller', template)).toEqual({ ...variables, FEGORA_BROKER_FUNCTION: expect.anything() });
  });

  test('no policy of the functions and probes has a wildcard, except for the streams of a log', () => {
    const ours = statements.filter(({ logicalId }) => !logicalId.startsWith('Broker'));
    expect(ours.length).toBeGreaterThan(10);
    expect(ours.flatMap((statement) => wildcards(statement, [logStreams]))).toEqual([]);
  });

  test('only schedules of this AWS account can assume the roles of the schedules: one of the broker, two of the probes', () => {
    const trusts = statements.filter(({ principals }) => principals.includes('scheduler.amazonaws.com'));
    expect(trusts.map(({ actions }) => actions)).toEqual(Array.from({ length: 3 }, () => ['sts:AssumeRole']));
    for (const { condition } of trusts) {
      expect(condition).toMatch(/^StringEquals=aws:SourceAccount=\{AWS::AccountId\}/);
    }
  });

  test('the probes run every 5 minutes, without retries', () => {
    const probes = template.findResources('AWS::Scheduler::Schedule', {
      Properties: {
        ScheduleExpression: 'rate(5 minutes)',
        Target: { RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 } },
      },
    });
    expect(Object.keys(probes)).toHaveLength(2);
  });

  test('one probe expects a token and the other a refusal', () => {
    for (const expected of ['token', 'forbidden']) {
      template.hasResourceProperties('AWS::Lambda::Function', {
        Environment: { Variables: { EXPECTED_OUTCOME: expected, FEGORA_BROKER_ACCOUNT: 'main' } },
      });
    }
  });

  test.each([
    ['an unexpected outcome', 'Errors', 'notBreaching', 2],
    ['missing runs', 'Invocations', 'breaching', 1],
  ])('each probe has an alarm on %s', (_, MetricName, TreatMissingData, Threshold) => {
    const Properties = { MetricName, TreatMissingData, Threshold, Period: 900 };
    const alarms = Object.keys(template.findResources('AWS::CloudWatch::Alarm', { Properties }));
    expect(alarms.filter((id) => /^(Permitted|Forbidden)Probe/.test(id))).toHaveLength(2);
  });

  test('the command line of the package finds the broker by the outputs', () => {
    expect(Object.keys(asJson(template.toJSON().Outputs))).toEqual(
      expect.arrayContaining(['Url', 'FunctionName', 'Secretmain']),
    );
  });

  test('cdk-nag finds nothing, except in the functions that have the defaults of the CDK', async () => {
    const findings: string[] = JSON.parse(await readFile(join(project.folder, 'findings.json'), 'utf8'));
    const inDefaults = findings.filter((finding) => /^CdkAppStack\/(ApiCaller|DirectCaller)\//.test(finding));
    expect(inDefaults).not.toEqual([]);
    expect(findings).toEqual(inDefaults);
  });

  test.each(['API', 'direct invocation'])(
    'promise 49: NodejsFunction bundles the caller, and it gets an answer of Fegora with a token by %s',
    async (way) => {
      const { FEGORA_BROKER_ENDPOINT: endpoint = '' } = broker.variables;
      const direct = {
        FEGORA_BROKER_ENDPOINT: '',
        FEGORA_BROKER_FUNCTION: 'fegora-token-broker',
        AWS_ENDPOINT_URL_LAMBDA: endpoint,
      };
      const bundle = `cdk.out/asset.${assetOf('ApiCaller', template)}/index.js`;
      expect(assetOf('DirectCaller', template)).toBe(assetOf('ApiCaller', template));
      expect(await post(project, bundle, way === 'API' ? {} : direct)).toEqual(accepted);
    },
  );
});

/** Returns the properties of a function. */
function functionOf(logicalIdPrefix: string, template: Template) {
  const functions = Object.entries(template.findResources('AWS::Lambda::Function'));
  const [, found] = functions.find(([id]) => id.startsWith(logicalIdPrefix)) ?? [];
  return found?.Properties;
}

function variablesOf(logicalIdPrefix: string, template: Template): unknown {
  return functionOf(logicalIdPrefix, template).Environment.Variables;
}

/** Returns the hash of the bundle of a function. */
function assetOf(logicalIdPrefix: string, template: Template): string {
  return functionOf(logicalIdPrefix, template).Code.S3Key.replace('.zip', '');
}

/** Adds cdk-nag to an app that Node runs after this, and writes what it finds. */
const nag = `
const { writeFileSync } = require('node:fs');
const { App } = require('aws-cdk-lib');
const { AwsSolutionsChecks, ServerlessChecks } = require('cdk-nag');
const { synth } = App.prototype;
App.prototype.synth = function (...args) {
  const assembly = synth.apply(this, args);
  const packs = [new AwsSolutionsChecks(this), new ServerlessChecks(this)];
  const violations = packs.flatMap((pack) => pack.validateScope(this).violations);
  const findings = violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath }) => constructPath + ': ' + ruleName));
  writeFileSync('findings.json', JSON.stringify(findings));
  return assembly;
};
`;

describe('lambda-only', () => {
  let project: Project;

  beforeAll(async () => {
    project = await startExample(workshop, 'lambda-only');
  });

  test('promise 49: the example compiles, and the bundle of its README gets an answer of Fegora from the local run', async () => {
    expect(await project.run('node', [tsc])).toBe('');
    const readme = await readFile(join(project.folder, 'README.md'), 'utf8');
    const [bundle = 'false'] = /^npx esbuild .*$/m.exec(readme) ?? [];
    await project.run('sh', ['-c', bundle]);
    const out = await project.run('node', ['run-local.mjs'], broker.variables);
    expect(out).toMatch(/status: 200,\s+body: .*user-of-main/);
  });

  test('the script says which variables it lacks', async () => {
    await expect(project.run('node', ['run-local.mjs'])).rejects.toThrow(
      'not set: FEGORA_BROKER_ENDPOINT, FEGORA_ORIGIN',
    );
  });

  test('the policy of its role has the right that `grantToken` gives', async () => {
    const policy = JSON.parse(await readFile(join(project.folder, 'policy.json'), 'utf8'));
    expect(policy.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'execute-api:Invoke',
        Resource: expect.stringMatching(/^arn:aws:execute-api:[\w-]+:\d{12}:[a-z0-9]{10}\/v1\/POST\/token\/main$/),
      },
    ]);
  });
});

// The construct from the tarball, in a foreign CDK app with the tools of this repository.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshFlags, readSynthesised, startCdkApp } from './cdk.ts';
import { openWorkshop, type Project, type Workshop } from './project.ts';
import { root } from './tarball.ts';

const tsc = join(root, 'node_modules/typescript/bin/tsc');
/** jest and its types are not among the tools of this repository, so this app leaves its test out. */
const quick = { compilerOptions: { types: ['node'] }, include: ['bin', 'lib'] };
/** An app with the stack of docs/callers.md, and the broker of another stack. */
const invoices = `
import { App, Stack } from 'aws-cdk-lib';
import { TokenBroker } from 'fegora-token-broker';
import { Invoices } from '../lib/invoices-stack';
const app = new App();
const functionArn = 'arn:aws:lambda:us-east-1:111111111111:function:broker';
const attributes = { functionArn, apiId: 'abcde12345', accounts: ['main'] };
new Invoices(app, 'Invoices', TokenBroker.fromAttributes(new Stack(app, 'Other'), 'Broker', attributes));
`;
let workshop: Workshop;
let app: Project;

beforeAll(async () => {
  workshop = await openWorkshop();
  app = await startCdkApp(workshop, 'quick');
  const page = await readFile(join(root, 'docs/callers.md'), 'utf8');
  const [, recipe = ''] = /<!-- recipe: invoices-stack\.ts -->\n```ts\n([\s\S]*?)```/.exec(page) ?? [];
  await app.write({
    'tsconfig.quick.json': { extends: './tsconfig.json', ...quick },
    'lib/invoices-stack.ts': recipe,
    'bin/invoices.ts': invoices,
  });
  await app.run('node', [tsc, '-p', 'tsconfig.quick.json', '--noEmit', 'false', '--outDir', 'out']);
});
afterAll(() => workshop.close());

/** Names of files that the tarball may have: what the build makes, and the pages at the top. */
const shipped = /^(dist\/.+(\.m?js|\.d\.m?ts|package\.json|LICENSES)|[A-Z]+(\.es)?(\.md)?|package\.json)$/;

test('the tarball has what the package exports, and no sources, tests or benchmarks, in at most 250 kB', async () => {
  const { files, size } = workshop.tarball;
  console.log(`${files.length} files, ${size} bytes packed`);
  const manifest = await readFile(join(root, 'package.json'), 'utf8');
  const exported = manifest.match(/dist\/[\w/]+\.[\w.]+/g) ?? [];
  expect(files).toEqual(expect.arrayContaining([...exported, 'LICENSE', 'README.md', 'package.json']));
  expect(files.filter((file) => !shipped.test(file))).toEqual([]);
  expect(size).toBeLessThanOrEqual(250_000);
});

test('promise 49: a new CDK app with TypeScript 7 synthesises the broker without a build step', async () => {
  const context = JSON.stringify(await freshFlags());
  await app.run('node', ['out/bin/my-app.js'], { CDK_OUTDIR: 'cdk.out', CDK_CONTEXT_JSON: context });
  const { types, asset } = await readSynthesised(app);
  expect([...types]).toEqual(expect.arrayContaining(['AWS::ApiGateway::RestApi', 'AWS::DynamoDB::Table']));
  const bundle = join('cdk.out', `asset.${asset.replace('.zip', '')}`, 'index.mjs');
  const packed = join(app.folder, 'node_modules/fegora-token-broker/dist/lambda/index.mjs');
  expect(await readFile(join(app.folder, bundle))).toEqual(await readFile(packed));
});

test('promise 53: the recipe for Step Functions and EventBridge compiles and synthesises as printed', async () => {
  await app.run('node', ['out/bin/invoices.js'], { CDK_OUTDIR: 'cdk.invoices' });
  const template = await readFile(join(app.folder, 'cdk.invoices/Invoices.template.json'), 'utf8');
  const { Resources }: { Resources: Record<string, { Type: string; Properties: Record<string, unknown> }> } =
    JSON.parse(template);
  const of = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);

  expect(of('AWS::Events::Rule')).toHaveLength(1);
  expect(JSON.stringify(of('AWS::StepFunctions::StateMachine'))).toContain('FegoraOutcomeUnknown');
  const [fn] = of('AWS::Lambda::Function');
  expect(fn?.Properties).toMatchObject({ Handler: 'requests.handler' });
  const { S3Key } = Object(fn?.Properties.Code);
  const bundle = join('cdk.invoices', `asset.${String(S3Key).replace('.zip', '')}`, 'requests.mjs');
  const packed = join(app.folder, 'node_modules/fegora-token-broker/dist/probe/requests.mjs');
  expect(await readFile(join(app.folder, bundle))).toEqual(await readFile(packed));
});

test.each(['import', 'require'])('promise 49: the construct can be loaded by %s', async (way) => {
  const script =
    way === 'import'
      ? [
          '--input-type=module',
          '--eval',
          "import { TokenBroker } from 'fegora-token-broker'; console.log(TokenBroker.name)",
        ]
      : ['--eval', "console.log(require('fegora-token-broker').TokenBroker.name)"];
  expect((await app.run('node', script)).trim()).toBe('TokenBroker');
});

test('an error in the props is printed in a few lines, not with the whole construct above it', async () => {
  const script = [
    "const { App, Stack } = require('aws-cdk-lib');",
    "const { TokenBroker } = require('fegora-token-broker');",
    "new TokenBroker(new Stack(new App(), 'S'), 'B', { accounts: { Main: {} } });",
  ];
  const printed = await app.run('node', ['--eval', script.join('\n')]).catch(String);
  expect(printed).toContain('accounts.Main: the id must be');
  expect(printed.length).toBeLessThan(4000);
});

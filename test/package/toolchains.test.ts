// The package with the tools of its users: other compilers, bundlers, test runners, and a whole new CDK app. `npm run proof`.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { proof } from '../support/counts.ts';
import { callerNodes, findNode } from '../support/nodes.ts';
import { handlerSource, type LocalBroker, runHandler, startLocalBroker } from './caller.ts';
import { readSynthesised, startCdkApp } from './cdk.ts';
import { otherBroker, startExample } from './example.ts';
import { openWorkshop, type Project, type Workshop } from './project.ts';
import tools from './tools/package.json' with { type: 'json' };
import { compilers, hasTools, tool, toolsFolder } from './tools.ts';

const isRun = proof && (await hasTools('TypeScript 5.4 and 5.9, webpack, jest, tsx, publint and attw'));
const typeRoots = [join(toolsFolder, 'node_modules/@types')];
let workshop: Workshop;
let broker: LocalBroker;
const gotToken = () => ({ fingerprint: broker.fingerprint, status: 200, isClass: true });

beforeAll(async () => {
  if (isRun) {
    [workshop, broker] = await Promise.all([openWorkshop(toolsFolder), startLocalBroker()]);
  }
});
afterAll(async () => {
  await broker?.close();
  await workshop?.close();
});

describe.runIf(isRun)('a caller', () => {
  let project: Project;

  beforeAll(async () => {
    project = await workshop.startProject('caller', { 'handler.ts': handlerSource, 'handler.mts': handlerSource });
  });

  const ways = compilers.flatMap(([version, tsc]) => modulesOf(version).map((way) => [version, ...way, tsc] as const));
  test.each(ways)(
    'promise 49: compiles the client with TypeScript %s, module %s and resolution %s, and what it emits gets a token',
    async (version, module, moduleResolution, tsc) => {
      const name = `${version}-${module}-${moduleResolution}`;
      const compilerOptions = {
        module,
        moduleResolution,
        target: 'es2022',
        types: ['node'],
        strict: true,
        outDir: name,
      };
      const files = module.startsWith('node') ? ['handler.ts', 'handler.mts'] : ['handler.ts'];
      await project.write({ [`${name}.json`]: { compilerOptions: { ...compilerOptions, typeRoots }, files } });
      expect(await project.run('node', [tsc, '-p', `${name}.json`])).toBe('');
      const type = module === 'esnext' ? 'module' : 'commonjs';
      await project.write({ [`${name}/package.json`]: { type } });
      for (const file of files) {
        expect(await runBundle(`${name}/${file.replace('ts', 'js')}`)).toEqual(gotToken());
      }
    },
  );

  test('promise 49 and 50: webpack with ts-loader bundles the client in at most 40 KB, and it gets a token', async () => {
    await project.write({
      'webpack.config.cjs': webpackConfig,
      'tsconfig.json': webpackTsconfig,
      'build.cjs': runWebpack,
    });
    await project.run('node', ['build.cjs']);
    expect(await runBundle('webpack/index.js')).toEqual(gotToken());
    const { size } = await stat(join(project.folder, 'webpack/index.js'));
    console.log(`client in a default bundle: ${size} webpack`);
    expect(size).toBeLessThanOrEqual(40_000);
  });

  test('promise 49: jest with ts-jest runs the client', async () => {
    const jest = { preset: 'ts-jest', testEnvironment: 'node' };
    await project.write({ 'caller.test.ts': jestSource, 'tsconfig.json': jestTsconfig, 'jest.config.json': jest });
    await project.run('node', [tool('jest'), '--config', 'jest.config.json'], broker.variables);
  });

  async function runBundle(file: string): Promise<unknown> {
    const path = join(project.folder, file);
    return JSON.parse(await project.run('node', ['--eval', runHandler, path], broker.variables));
  }
});

/** The modules that a compiler has, and with each the resolution that its users have. TypeScript 7 has no node10. */
function modulesOf(version: string): (readonly [module: string, resolution: string])[] {
  return [
    version === '7' ? ['commonjs', 'bundler'] : ['commonjs', 'node10'],
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ];
}

const webpackConfig = `
module.exports = {
  mode: 'production',
  target: 'node20',
  context: __dirname,
  entry: './handler.ts',
  module: { rules: [{ test: /\\.ts$/, use: 'ts-loader' }] },
  output: { path: __dirname + '/webpack', filename: 'index.js', library: { type: 'commonjs2' } },
};
`;

const webpackTsconfig = {
  compilerOptions: { module: 'esnext', moduleResolution: 'bundler', target: 'es2022', types: ['node'], typeRoots },
  files: ['handler.ts'],
};

const runWebpack = `
require('webpack')(require('./webpack.config.cjs'), (error, stats) => {
  const failure = error ?? (stats.hasErrors() || stats.hasWarnings() ? stats.toString() : undefined);
  if (failure !== undefined) {
    console.error(failure);
    process.exitCode = 1;
  }
});
`;

const jestTsconfig = {
  compilerOptions: { module: 'nodenext', target: 'es2022', types: ['node', 'jest'], typeRoots, strict: true },
};

const jestSource = `
import { handler } from './handler';

test('gets a token', async () => {
  expect(await handler()).toMatchObject({ status: 200, isClass: true });
});
`;

describe.runIf(isRun)('a CDK app', () => {
  const assets = new Set<string>();

  test.each(compilers)(
    'promise 49: of `cdk init` with TypeScript %s compiles, passes its jest test and synthesises the same asset',
    async (version, tsc) => {
      const app = await startCdkApp(workshop, `typescript-${version}`);
      await app.write({ 'test/my-app.test.ts': appTest });
      await app.run('node', [tsc]);
      await app.run('node', [tool('jest')]);
      await app.run('npx', ['cdk', 'synth', '--quiet', '--app', 'npx tsx bin/my-app.ts']);
      const { types, asset } = await readSynthesised(app);
      expect(types).toContain('AWS::ApiGateway::RestApi');
      assets.add(asset);
      expect([...assets]).toEqual([asset]);
    },
  );

  test('promise 49: with the `cdk.json` of `cdk init`, an empty folder becomes a synthesised stack', async () => {
    const begun = performance.now();
    const app = await startCdkApp(workshop, 'empty');
    await app.run('npx', ['cdk', 'synth', '--quiet']);
    console.log(`from an empty folder to a synthesised stack: ${Math.round(performance.now() - begun)} ms`);
    assets.add((await readSynthesised(app)).asset);
    expect(assets.size).toBe(1);
  });

  test.each([
    ['cdk-app', []],
    ['step-functions', ['-c', `functionArn=${otherBroker.functionArn}`, '-c', `apiId=${otherBroker.apiId}`]],
  ])('promise 49: the example %s synthesises with the command of its `cdk.json`', async (name, context) => {
    const example = await startExample(workshop, name);
    await example.run('npx', ['cdk', 'synth', '--quiet', ...context]);
    expect((await readSynthesised(example)).types).toContain('AWS::Lambda::Function');
  });

  test('promise 49: loads the construct by import and by require in each version of Node that is installed', async () => {
    const imported = "import('fegora-token-broker').then(({ TokenBroker }) => console.log(TokenBroker.name))";
    const required = "console.log(require('fegora-token-broker').TokenBroker.name)";
    const app = await startCdkApp(workshop, 'versions');
    for (const major of callerNodes) {
      const node = await findNode(major);
      for (const code of node === undefined ? [] : [imported, required]) {
        expect(await app.run(String(node), ['--eval', code])).toBe('TokenBroker\n');
      }
    }
  });
});

const appTest = `
import * as cdk from 'aws-cdk-lib/core';
import { Template } from 'aws-cdk-lib/assertions';
import { MyAppStack } from '../lib/my-app-stack';

test('has one broker', () => {
  const stack = new MyAppStack(new cdk.App(), 'MyTestStack');
  Template.fromStack(stack).resourceCountIs('AWS::ApiGateway::RestApi', 1);
});
`;

describe.runIf(isRun)('the tarball', () => {
  test('publint finds no fault in it', async () => {
    const { startProject, tarball } = workshop;
    const project = await startProject('publint', {});
    const out = await project.run('node', [tool('publint'), tarball.path, '--strict']);
    expect(out).toContain('All good!');
  });

  test('the types are right in every resolution, says @arethetypeswrong/cli', async () => {
    const project = await workshop.startProject('attw', {});
    const out = await project.run('node', [tool('attw'), workshop.tarball.path, '--format', 'ascii', '--no-color']);
    expect(out).toContain('No problems found');
  });
});

test('the tools have exact versions', () => {
  const versions = Object.values(tools.devDependencies);
  expect(versions.filter((version) => !/^(npm:[\w-]+@)?\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

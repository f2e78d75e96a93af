// Makes a foreign project of an example: a copy outside of the repository with the tarball. Used by the tests of this folder.
import { cp, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import type { Statement } from '../infra/support/statements.ts';
import type { Exception } from '../infra/support/wildcards.ts';
import { examples } from '../support/examples.ts';
import { type Project, projectIn, type Workshop } from './project.ts';
import { root } from './tarball.ts';

export const tsc = join(root, 'node_modules/typescript/bin/tsc');

/** A made-up broker of another stack. */
export const otherBroker = {
  functionArn: 'arn:aws:lambda:us-east-1:111111111111:function:fegora-token-broker',
  apiId: 'abcde12345',
} as const;

/** What commands write into an example. */
const written = new Set(['node_modules', 'cdk.out', 'dist', 'package-lock.json']);

/**
 * Copies an example and installs it with the command of its README. Its other packages are those of the toolchain, so the
 * test installs only ours.
 */
export async function startExample({ projects, tarball }: Workshop, name: string): Promise<Project> {
  const folder = join(projects, name);
  await cp(join(examples, name), folder, { recursive: true, filter: (path) => !written.has(basename(path)) });
  await cp(tarball.path, join(folder, 'fegora-token-broker.tgz'));
  const project = projectIn(folder);
  const { dependencies, devDependencies, ...manifest } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  const { 'fegora-token-broker': ours } = dependencies;
  await project.write({ 'package.json': { ...manifest, dependencies: { 'fegora-token-broker': ours } } });
  await project.run('npm', ['install']);
  return project;
}

/** Returns the context of an example's `cdk.json`, with more values, as the CDK CLI passes it to the app. */
export async function contextOf({ folder }: Project, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { context } = JSON.parse(await readFile(join(folder, 'cdk.json'), 'utf8'));
  return JSON.stringify({ ...context, ...more });
}

/**
 * Type-checks a CDK app, runs it as the CDK CLI does, and returns the template of its stack.
 *
 * @param options options of Node
 */
export async function synthesise(project: Project, context: string, ...options: string[]): Promise<Template> {
  const { name } = JSON.parse(await readFile(join(project.folder, 'package.json'), 'utf8'));
  await project.run('node', [tsc, '--noEmit', 'false', '--outDir', 'out']);
  await project.run('node', [...options, `out/bin/${name}.js`], { CDK_OUTDIR: 'cdk.out', CDK_CONTEXT_JSON: context });
  const { artifacts } = JSON.parse(await readFile(join(project.folder, 'cdk.out/manifest.json'), 'utf8'));
  const [stack = ''] = Object.keys(artifacts).filter((id) => artifacts[id].type === 'aws:cloudformation:stack');
  return Template.fromJSON(JSON.parse(await readFile(join(project.folder, `cdk.out/${stack}.template.json`), 'utf8')));
}

/** Returns the rights of a role to call the broker, each as an action and a resource. */
export function rightsOf(logicalIdPrefix: string, statements: readonly Statement[]): string[] {
  return statements
    .filter(({ logicalId }) => logicalId.startsWith(`${logicalIdPrefix}DefaultPolicy`))
    .flatMap(({ actions, resources }) =>
      actions.flatMap((action) => resources.map((resource) => `${action} ${resource}`)),
    )
    .filter((right) => /^(lambda|execute-api):/.test(right));
}

/** The `*` that every role of a function has. */
export const logStreams: Exception = {
  type: 'AWS::IAM::Policy',
  effect: 'Allow',
  element: 'resource',
  value: /^\{\w+Log\w+\.Arn\}:\*$/,
  reason: 'the streams of one log group, which Lambda creates and names',
};

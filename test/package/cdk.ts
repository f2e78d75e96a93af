// A CDK app as `cdk init` makes it, with the broker of the README. Used by the tests of this folder.
import { globSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Project, projectIn, type Workshop } from './project.ts';
import { root } from './tarball.ts';

const cdkCli = join(root, 'node_modules/aws-cdk/bin/cdk');

/** The flags that `cdk init` writes into the `cdk.json` of a new app. */
export async function freshFlags(): Promise<Readonly<Record<string, unknown>>> {
  const path = join(root, 'node_modules/aws-cdk/lib/init-templates/.recommended-feature-flags.json');
  return JSON.parse(await readFile(path, 'utf8'));
}

/**
 * Makes an app with the commands of the README: `cdk init`, `npm install` of the tarball, and the stack. Its other packages
 * are those of the toolchain, so it does not install them.
 *
 * @param folder name of the folder, in which the app is `my-app`
 */
export async function startCdkApp({ projects, tarball }: Workshop, folder: string): Promise<Project> {
  const app = projectIn(join(projects, folder, 'my-app'));
  await mkdir(app.folder, { recursive: true });
  await app.run('node', [cdkCli, 'init', 'app', '--language', 'typescript', '--generate-only']);
  const { name, scripts } = JSON.parse(await readFile(join(app.folder, 'package.json'), 'utf8'));
  await app.write({ 'package.json': { name, scripts }, 'lib/my-app-stack.ts': await readmeStack() });
  await app.run('npm', ['install', tarball.path]);
  // The tsconfig.json of `cdk init` looks for types in the project only.
  await symlink(await app.resolve('@types'), join(app.folder, 'node_modules/@types'));
  return app;
}

/** Returns the stack that the README shows. */
async function readmeStack(): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const [, stack] = /<!-- my-app-stack.ts -->\n```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  if (stack === undefined) {
    throw new Error('README.md has no block my-app-stack.ts');
  }
  return stack;
}

/** What the synthesis of an app has made. */
export interface Synthesised {
  /** Types of the resources, each once. */
  readonly types: ReadonlySet<string>;
  /** Key of the zip file of the broker's function, which is a hash of its content. */
  readonly asset: string;
}

/** Reads `cdk.out` of an app with one stack. */
export async function readSynthesised({ folder }: Project): Promise<Synthesised> {
  const [template = ''] = globSync('cdk.out/*.template.json', { cwd: folder });
  const { Resources } = JSON.parse(await readFile(join(folder, template), 'utf8'));
  const resources: Resource[] = Object.values(Resources);
  const broker = resources.find(({ Properties }) => Properties?.Environment?.Variables?.TOKEN_TABLE_NAME !== undefined);
  return {
    types: new Set(resources.map(({ Type }) => Type)),
    asset: String(broker?.Properties?.Code?.S3Key),
  };
}

/** A resource of a template, as far as it is read here. */
interface Resource {
  readonly Type: string;
  readonly Properties?: {
    readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> };
    readonly Code?: { readonly S3Key?: string };
  };
}

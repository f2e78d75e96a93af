// A CDK app as `cdk init` makes it, with the broker of the README. Used by the tests of this folder.
import { globSync } from 'node:fs';
import { cp, readFile, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Project, projectIn, type Workshop } from './project.ts';
import { root } from './tarball.ts';

/** The flags that `cdk init` writes into the `cdk.json` of a new app. */
export async function freshFlags(): Promise<Readonly<Record<string, unknown>>> {
  const path = join(root, 'node_modules/aws-cdk/lib/init-templates/.recommended-feature-flags.json');
  return JSON.parse(await readFile(path, 'utf8'));
}

/**
 * Makes an app with the commands and the code of the README. Its other packages are those of the toolchain, so the app does
 * not install them.
 *
 * @param folder name of a new folder, in which the app is `my-app`
 */
export async function startCdkApp({ projects, tarball }: Workshop, folder: string): Promise<Project> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const [enter, init, install] = blockOf(readme, '<!-- my-app.sh -->').trim().split('\n');
  const outside = projectIn(join(projects, folder));
  const app = projectIn(join(outside.folder, 'my-app'));
  await outside.write({});
  await cp(tarball.path, join(outside.folder, basename(tarball.path)));
  await outside.run('sh', ['-c', `${enter} && ${init} --generate-only`]);
  const { name, scripts } = JSON.parse(await readFile(join(app.folder, 'package.json'), 'utf8'));
  await app.write({
    'package.json': { name, scripts },
    'lib/my-app-stack.ts': blockOf(readme, '<!-- my-app-stack.ts -->'),
    'lib/invoice.ts': blockOf(readme, '').replace(/createTokenClient\(\{.*\}\)/, 'createTokenClient()'),
  });
  await app.run('sh', ['-c', String(install)]);
  // The tsconfig.json of `cdk init` looks for types in the project only.
  await symlink(await app.resolve('@types'), join(app.folder, 'node_modules/@types'));
  return app;
}

/** Returns the first block of code after a mark. */
function blockOf(page: string, mark: string): string {
  const [, block = ''] = /\n```(?:ts|sh)\n([\s\S]*?)```/.exec(page.slice(page.indexOf(mark))) ?? [];
  return block;
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

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { buildFunction, settings } from '../build.ts';
import type { World } from './world.ts';

/** Somebody who does the job: a bundle, and the environment it runs in. */
export interface Contestant {
  readonly name: string;
  /** What it is, in a few words. */
  readonly title: string;
  /** With `index.mjs`. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** What esbuild put into the bundle. */
  readonly outputs: Metafile['outputs'];
}

/** Everybody, built, and the runtime client that runs them. */
export interface Field {
  readonly floor: Contestant;
  readonly broker: Contestant;
  readonly peers: readonly Contestant[];
  /** Other builds of the broker, to be compared with it. */
  readonly others: readonly Contestant[];
  readonly runtime: string;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = join(here, 'dist');

const peers = [
  { name: 'sdk', title: 'AWS SDK and fetch, a login in every call' },
  { name: 'middy', title: '@middy/secrets-manager and oauth4webapi' },
  { name: 'powertools', title: 'Powertools and simple-oauth2' },
] as const;

/** @param others folders with other builds of the broker */
export async function prepare(world: World, others: readonly string[]): Promise<Field> {
  if (!existsSync(join(here, 'node_modules'))) {
    // The runtime client's own scripts would compile curl for minutes; `rapid-client.ts` stands in for what they make.
    execFileSync('npm', ['--prefix', here, 'ci', '--ignore-scripts'], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const folder = join(dist, 'broker');
  const broker = { name: 'broker', title: 'the broker', env: world.env('broker') };
  const { outputs } = await buildFunction(folder);
  return {
    runtime: await buildRuntime(),
    floor: await bundle('floor', 'a constant', 'floor.ts', {}),
    broker: { ...broker, folder, outputs },
    peers: await Promise.all(peers.map(({ name, title }) => bundle(name, title, `peers/${name}.mjs`, world.env(name)))),
    others: others.map((other) => ({ ...broker, name: other, title: other, folder: other, outputs: {} })),
  };
}

async function bundle(name: string, title: string, entry: string, env: Contestant['env']): Promise<Contestant> {
  const folder = join(dist, name);
  const { metafile } = await build({
    ...settings,
    entryPoints: { index: join(here, entry) },
    outdir: folder,
    // CommonJS packages ask for Node's own parts by `require`.
    banner: {
      js: "import{createRequire as bannerCreateRequire}from'node:module';const require=bannerCreateRequire(import.meta.url);",
    },
  });
  return { name, title, folder, env, outputs: metafile.outputs };
}

/** AWS's runtime client as it is; beside it, where it looks for its native addon, what stands in for that. */
async function buildRuntime(): Promise<string> {
  const addon = join(dist, 'runtime/rapid-client.node');
  const runtime = join(dist, 'runtime/index.mjs');
  await mkdir(addon, { recursive: true });
  await copyFile(join(here, 'node_modules/aws-lambda-ric/index.mjs'), runtime);
  await writeFile(join(addon, 'package.json'), '{"type":"commonjs"}');
  await build({
    entryPoints: [join(here, 'rapid-client.ts')],
    outfile: join(addon, 'index.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
  });
  return runtime;
}

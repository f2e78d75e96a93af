// Builds the bundles that the benchmark compares, and the runtime client that runs them. Called by main.ts.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { buildFunction } from '../scripts/bundles/function.ts';
import { settings } from '../scripts/bundles/options.ts';
import type { Servers } from './servers.ts';

/** A bundle that is measured, and its environment variables. */
export interface Contestant {
  readonly name: string;
  /** A short description. */
  readonly title: string;
  /** The folder with `index.mjs`. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** The alias by which it is called. @default http */
  readonly alias?: string;
  /** Whether it keeps its token between calls. */
  readonly keepsToken: boolean;
  /** What esbuild put into the bundle. */
  readonly outputs: Metafile['outputs'];
}

/** All contestants, and the runtime client that runs them. */
export interface Contestants {
  readonly floor: Contestant;
  readonly broker: Contestant;
  readonly peers: readonly Contestant[];
  /** Other builds of the broker. */
  readonly others: readonly Contestant[];
  /** Path of the runtime client. */
  readonly runtime: string;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = join(here, 'dist');

/** A contestant before its build. */
type Entry = Omit<Contestant, 'folder' | 'outputs' | 'env'> & { readonly source: string };

const floor: Entry = {
  name: 'floor',
  title: 'a handler that returns a constant',
  source: 'floor.ts',
  keepsToken: true,
};

const peers: readonly Entry[] = [
  {
    name: 'sdk',
    title: 'AWS SDK and fetch, a login in every call',
    source: 'peers/sdk.mjs',
    keepsToken: false,
  },
  {
    name: 'middy',
    title: '@middy/secrets-manager and oauth4webapi',
    source: 'peers/middy.mjs',
    keepsToken: true,
  },
  {
    name: 'powertools',
    title: 'Powertools (parameters, logger, metrics) and simple-oauth2',
    source: 'peers/powertools.mjs',
    keepsToken: true,
  },
];

/**
 * Builds all contestants. Installs the packages of the benchmark if they are missing.
 *
 * @param others folders with other builds of the broker
 * @throws Error if one of them has no `index.mjs`
 */
export async function prepare(servers: Servers, others: readonly string[]): Promise<Contestants> {
  for (const other of others) {
    if (!existsSync(join(other, 'index.mjs'))) {
      throw new Error(
        `${other} has no index.mjs. Run \`npm run build\` in that version, and name its folder dist/lambda.`,
      );
    }
  }
  if (!existsSync(join(here, 'node_modules'))) {
    // The install scripts of the runtime client compile curl for minutes. `rapid-client.ts` replaces their result.
    execFileSync('npm', ['--prefix', here, 'ci', '--ignore-scripts'], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const folder = join(dist, 'broker');
  const broker = { name: 'broker', title: 'this function', env: servers.env('broker'), keepsToken: true };
  const { outputs } = await buildFunction(folder);
  return {
    runtime: await buildRuntime(),
    floor: await bundle(floor, {}),
    broker: { ...broker, folder, outputs },
    peers: await Promise.all(peers.map((peer) => bundle(peer, servers.env(peer.name)))),
    others: others.map((other) => ({ ...broker, name: other, folder: other, outputs: {} })),
  };
}

/** CommonJS packages load Node's modules with `require`. */
const banner = "import{createRequire as $require}from'node:module';const require=$require(import.meta.url);";

async function bundle({ source, ...entry }: Entry, env: Contestant['env']): Promise<Contestant> {
  const folder = join(dist, entry.name);
  const { metafile } = await build({
    ...settings,
    entryPoints: { index: join(here, source) },
    outdir: folder,
    banner: { js: banner },
  });
  return { ...entry, folder, env, outputs: metafile.outputs };
}

/** Copies AWS's runtime client unchanged. Puts `rapid-client.ts` where the client looks for its native addon. */
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

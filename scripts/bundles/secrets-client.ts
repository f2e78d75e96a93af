// Bundles the SDK's client of Secrets Manager, which the function loads when it reads a secret. Called by function.ts and cli.ts.
import { build, type Plugin } from 'esbuild';
import { settings } from './options.ts';
import { root, withoutFacades, withoutFallbacks, withoutUnused } from './plugins.ts';
import { contentsOf, exportsOf, type Needed } from './sharing.ts';

/** Its name without `.mjs`. */
export const secretsClient = 'secrets-client';

const source = 'lambda/aws/secrets-client.ts';

/** Plugins of the whole function. */
export const functionPlugins: readonly Plugin[] = [withoutFacades, ...withoutFallbacks, ...withoutUnused];

const shared = { ...settings, target: 'node20', absWorkingDir: root, plugins: [...functionPlugins] };

/**
 * The core of the SDK, without its lists of exports, and without what the function contains only in part: the function would
 * grow if it shared that.
 */
const core =
  /node_modules\/(@smithy|@aws-sdk)\/core\/(?!.*(\/index\.js|\/serde\/|aws\/partition|SigV4A|AdaptiveRetryStrategy))/;

/** Smaller modules are not shared: each name that the function exports makes its load longer. Bytes. */
const leastShared = 500;

/** Modules of the bundle that the command line takes from it. Its own copy would be 24 kB of what is packed. */
export async function coreModules(): Promise<ReadonlySet<string>> {
  const { metafile } = await build({ ...shared, outdir: root, write: false, entryPoints: [source] });
  const modules = [...contentsOf(metafile)].filter(([module, bytes]) => core.test(module) && bytes >= leastShared);
  return new Set(modules.map(([module]) => module));
}

/** @param needed what it must export for the command line */
export async function buildSecretsClient(outdir: string, needed: Needed) {
  const contents = `export * from './${source}';\n${exportsOf(needed)}`;
  const stdin = { contents, resolveDir: root, sourcefile: 'lambda/aws/exports' };
  const { metafile } = await build({ ...shared, outdir, stdin, entryNames: secretsClient });
  return metafile;
}

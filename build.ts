// Bundles the function and the client into dist/. Run by `npm run build`; called by bench/ and by the tests of the bundles.
import { rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

/** Options of esbuild for the function, and for the peers that the benchmark compares it with. */
export const settings = {
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} as const satisfies BuildOptions;

/**
 * Takes only the used exports of Node's modules. An ES import of a module evaluates all exports of that module: an import
 * of `node:http` loads undici (for `WebSocket`), an import of `node:crypto` loads Web Crypto. The function needs neither.
 */
const withoutFacades: Plugin = {
  name: 'without-facades',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path }) => (isBuiltin(path) ? { path, namespace: 'node' } : undefined));
    onLoad({ filter: /./, namespace: 'node' }, ({ path }) => ({ contents: exportsOf(path) }));
  },
};

/** Gets each export by a call that is marked as pure, so that esbuild drops the exports that no file imports. */
function exportsOf(module: string): string {
  const names = Object.keys(process.getBuiltinModule(module) ?? {}).filter((name) => name !== 'default');
  return [
    `const $module = process.getBuiltinModule(${JSON.stringify(module)}), $take = (name) => $module[name];`,
    'export default $module;',
    ...names.map((name) => `export const ${name} = /* @__PURE__ */ $take('${name}');`),
  ].join('\n');
}

/** Bundles `secrets-client.ts` apart. If `index.mjs` shared code with it, each start would load half of the SDK. */
const secretsClientApart: Plugin = {
  name: 'secrets-client-apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/secrets-client\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './secrets-client.mjs', external: true } : undefined,
    );
  },
};

/** Leaves out the SDK's default credentials and HTTP client. The function passes its own to the SDK's client. */
const withoutFallbacks: Plugin = {
  name: 'without-fallbacks',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^@aws-sdk\/credential-provider-node$|^@smithy\/node-http-handler$/ }, ({ path }) => ({
      path,
      namespace: 'fallback',
    }));
    onLoad({ filter: /./, namespace: 'fallback' }, () => ({
      contents:
        'export const defaultProvider = null, streamCollector = null, NodeHttpHandler = { create: (own) => own };',
    }));
  },
};

/**
 * Bundles the function: `index.mjs` with `handler`, and `secrets-client.mjs`, which `index.mjs` loads when it reads a
 * secret. The bundle contains the SDK, so that the tested SDK is the one that runs, and not the copy of the Lambda
 * runtime. There is no source map: its readers have the sources.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildFunction(folder: string): Promise<Metafile> {
  await rm(folder, { recursive: true, force: true });
  const plugins = [withoutFacades, secretsClientApart, withoutFallbacks];
  const shared = { ...settings, absWorkingDir: import.meta.dirname, outdir: folder, plugins };
  const index = await build({ ...shared, entryPoints: { index: 'lambda/handler.ts' } });
  const secrets = await build({ ...shared, entryPoints: { 'secrets-client': 'lambda/aws/secrets-client.ts' } });
  return {
    inputs: { ...index.metafile.inputs, ...secrets.metafile.inputs },
    outputs: { ...index.metafile.outputs, ...secrets.metafile.outputs },
  };
}

/**
 * Bundles the client for callers without a bundler: `index.mjs`. Node does not strip types below `node_modules`, so such
 * callers cannot import the sources. `tsc -p client` writes the declarations beside the bundle.
 *
 * @returns what esbuild reports about inputs and outputs
 */
export async function buildClient(folder: string): Promise<Metafile> {
  const { metafile } = await build({
    ...settings,
    absWorkingDir: import.meta.dirname,
    outdir: folder,
    entryPoints: { index: 'client/index.ts' },
    target: 'node20',
    splitting: false,
    external: ['@aws-sdk/*'],
  });
  await writeFile(join(folder, 'index.d.mts'), "export * from './index.ts';\n");
  return metafile;
}

if (import.meta.main) {
  const folder = (name: string) => fileURLToPath(new URL(`dist/${name}`, import.meta.url));
  const [{ outputs }, client] = [await buildFunction(folder('lambda')), await buildClient(folder('client'))];
  for (const [file, { bytes }] of Object.entries({ ...outputs, ...client.outputs })) {
    process.stdout.write(`${file} ${Math.ceil(bytes / 1024)} KB\n`);
  }
}

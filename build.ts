import { rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

/** How the function is bundled, and in the benchmark everybody it is measured against. */
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
 * Takes of Node's own modules what is used. An ES import of one evaluates all its exports: that of `node:http` loads
 * undici (for `WebSocket`), that of `node:crypto` Web Crypto, and nobody uses either.
 */
const withoutFacades: Plugin = {
  name: 'without-facades',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path }) => (isBuiltin(path) ? { path, namespace: 'node' } : undefined));
    onLoad({ filter: /./, namespace: 'node' }, ({ path }) => ({ contents: exportsOf(path) }));
  },
};

/** Each export by a call that is said to be pure, so that it is dropped where nobody imports it. */
function exportsOf(module: string): string {
  const names = Object.keys(process.getBuiltinModule(module) ?? {}).filter((name) => name !== 'default');
  return [
    `const $module = process.getBuiltinModule(${JSON.stringify(module)}), $take = (name) => $module[name];`,
    'export default $module;',
    ...names.map((name) => `export const ${name} = /* @__PURE__ */ $take('${name}');`),
  ].join('\n');
}

/** Bundles `secrets-client.ts` apart: sharing code with it, `index.mjs` would load half of the SDK for nothing. */
const secretsClientApart: Plugin = {
  name: 'secrets-client-apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/secrets-client\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './secrets-client.mjs', external: true } : undefined,
    );
  },
};

/** Leaves out what the SDK's client would fall back on, were it not handed its credentials and its HTTP client. */
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
 * Bundles the function: `index.mjs` with `handler`, and `secrets-client.mjs`, which reads of secrets load. Nothing comes
 * from the runtime's own copy of the SDK: what was tested is what runs. No source map: it would only be read by people,
 * who have the sources.
 *
 * @returns what went into it, by esbuild's account
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
 * Bundles the client, for callers that bundle nothing themselves: `index.mjs`. Node strips no types below
 * `node_modules`, so the sources serve those who do. The types are those that tsc declares beside it (`tsc -p client`).
 *
 * @returns what went into it, by esbuild's account
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

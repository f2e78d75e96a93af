// What the bundles load in another way than esbuild would, and what they leave out. Called by function.ts and ../../build.ts.
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';

/** The folder of the project. */
export const root = join(import.meta.dirname, '../..');

/**
 * Takes only the used exports of Node's modules. An ES import of a module evaluates all exports of that module: an import
 * of `node:http` loads undici (for `WebSocket`), an import of `node:crypto` loads Web Crypto. The function needs neither.
 */
export const withoutFacades: Plugin = {
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

/**
 * Leaves one of our files outside of a bundle, which then imports another bundle in the same folder.
 *
 * @param file matches the path in the import
 * @param bundle path that the bundle imports
 */
export function apart(file: RegExp, bundle: string): Plugin {
  return {
    name: `apart-${bundle}`,
    setup: ({ onResolve }) => {
      onResolve({ filter: file }, ({ kind }) =>
        kind === 'entry-point' ? undefined : { path: bundle, external: true },
      );
    },
  };
}

/** Replaces modules that would be loaded in vain. The names of their inputs then start with `without:`. */
function without(filter: RegExp, contents: string): Plugin {
  const name = `without-${filter.source}`;
  return {
    name,
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter }, ({ path }) => ({ path, namespace: 'without', pluginData: name }));
      onLoad({ filter: /./, namespace: 'without' }, ({ pluginData }) =>
        pluginData === name ? { contents, resolveDir: import.meta.dirname } : undefined,
      );
    },
  };
}

/**
 * Leaves out the SDK's default credentials, its HTTP client and its adaptive retries. The function passes its own
 * credentials and client, and chooses standard retries.
 */
export const withoutFallbacks: readonly Plugin[] = [
  without(/^@aws-sdk\/credential-provider-node$/, 'export const defaultProvider = null;'),
  without(
    /^@smithy\/node-http-handler$/,
    'export const streamCollector = null, NodeHttpHandler = { create: (own) => own };',
  ),
  without(/\/DefaultRateLimiter$/, 'export const DefaultRateLimiter = null;'),
];

const ownManifest = join(root, 'package.json');

/** Takes only the version from the `package.json` of the SDK's packages, and from ours: nothing else there is read. */
const versionsOnly: Plugin = {
  name: 'versions-only',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]package\.json$/ }, async ({ path }) => {
      if (path !== ownManifest && !/[\\/]@aws-sdk[\\/]/.test(path)) {
        return undefined;
      }
      const { version } = JSON.parse(await readFile(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

/** Takes only the signing of requests: we sign no URLs, and no events of streams. */
const requestSignerOnly: Plugin = {
  name: 'request-signer-only',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]signature-v4[\\/]dist-es[\\/]SignatureV4\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replace(/^ {4}async (presign|signEvent|signMessage)\([\s\S]*?^ {4}\}\n/gm, '');
      return contents === source
        ? { errors: [{ text: `${path} has another form than the build knows` }] }
        : { contents };
    });
  },
};

/**
 * Leaves out what the SDK has for browsers, for a Node without SHA-256, for URLs with a signature, and for streams, which we
 * neither send nor get.
 */
export const withoutUnused: readonly Plugin[] = [
  versionsOnly,
  requestSignerOnly,
  without(/^bowser$/, ''),
  without(/^@smithy\/core\/event-streams$/, 'export const EventStreamSerde = null, eventStreamSerdeProvider = null;'),
  without(/\/HeaderFormatter$/, 'export class HeaderFormatter {}'),
  without(/\/Sha256Js$/, 'export const Sha256Js = null;'),
];

/**
 * Leaves out of the command line what only S3 needs, the context of an invocation, streams of browsers, the SDK's advice
 * about old versions of Node, and adaptive retries: a few calls need no more than the standard ones.
 */
export const withoutLambda: readonly Plugin[] = [
  without(
    /^@aws-sdk\/signature-v4-multi-region$/,
    `import { SignatureV4 } from '@smithy/signature-v4';
    export class SignatureV4MultiRegion extends SignatureV4 { static sigv4aDependency() { return 'none'; } }`,
  ),
  without(/^@aws\/lambda-invoke-store$/, 'export const InvokeStore = { getInstanceAsync: async () => undefined };'),
  without(/\/service-customizations$/, 'export const resolveParamsForS3 = null;'),
  without(/\/sdk-stream-mixin\.browser$/, 'export const sdkStreamMixin = null;'),
  without(
    /\/emitWarningIfUnsupportedVersion$/,
    'export const state = { warningEmitted: true }, emitWarningIfUnsupportedVersion = () => {};',
  ),
  without(
    /\/util-retry\/AdaptiveRetryStrategy$/,
    `import { StandardRetryStrategy } from '@smithy/core/retry';
    export const AdaptiveRetryStrategy = function (_, options) { return new StandardRetryStrategy(options); };`,
  ),
];

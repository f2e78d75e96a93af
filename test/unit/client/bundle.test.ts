// Tests the client's bundle and its types as `npm run build` makes them: size, imports, Node versions, compilers.
import { execFile } from 'node:child_process';
import { access, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildClient } from '../../../build.ts';
import { issued, keys, scriptedBroker } from '../../support/client/broker.ts';

const run = promisify(execFile);
let folder: string;
let imports: Metafile['outputs'][string]['imports'];
let pieces: Record<string, number>;
let bytes: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'token-client-'));
  const metafile = await buildClient(folder);
  const [output] = Object.values(metafile.outputs);
  imports = output?.imports ?? [];
  bytes = output?.bytes ?? 0;
  pieces = {};
  for (const [path, { bytesInOutput }] of Object.entries(output?.inputs ?? {})) {
    const piece = /node_modules\/(@[^/]+\/[^/]+|[^/]+)/.exec(path)?.[1] ?? path.split('/').slice(-2).join('/');
    pieces[piece] = (pieces[piece] ?? 0) + bytesInOutput;
  }
});

afterAll(() => rm(folder, { recursive: true }));

describe('the bundle', () => {
  test('is smaller than 40 KB when it is minified', () => {
    const rows = Object.entries(pieces).sort(([, a], [, b]) => b - a);
    console.log(['client bundle', ...rows.map(([piece, size]) => `${size} ${piece}`), `${bytes} in all`].join('\n  '));

    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(40_000);
  });

  test('contains only the client and its signer', () => {
    const packages = Object.keys(pieces).filter((piece) => !piece.startsWith('client/'));

    expect(packages.sort()).toEqual(['@smithy/core', '@smithy/signature-v4']);
  });

  test('imports only modules of Node', () => {
    expect(imports.map(({ path }) => path).filter((path) => !isBuiltin(path))).toEqual([]);
  });
});

const script = `
  import { createFegoraFetch, createTokenClient } from './index.mjs';
  const [endpoint] = process.argv.slice(2);
  const tokens = createTokenClient({ endpoint, region: 'us-east-1' });
  const authorizations = [];
  const api = async (url, { headers }) => {
    authorizations.push(headers.get('authorization'));
    return new Response('', { status: authorizations.length === 1 ? 401 : 200 });
  };
  const { status } = await createFegoraFetch(tokens, api)('/dte', { signal: AbortSignal.timeout(10_000) });
  console.log(JSON.stringify({ major: process.version.split('.')[0], status, authorizations }));
`;

test.each([20, 22, 24])('the bundle works in Node %d when this version is installed', async (major) => {
  const node = await find(major);
  if (node === undefined) {
    console.log(`Node ${major} is not installed here, so the bundle did not run in it.`);
    return;
  }
  await writeFile(join(folder, 'script.mjs'), script);
  const broker = await scriptedBroker(issued('token-a', 1799), issued('token-b', 1799));
  const env = { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey };
  const { stdout } = await run(node, [join(folder, 'script.mjs'), broker.url], { env });
  await broker.close();

  expect(JSON.parse(stdout)).toEqual({
    major: `v${major}`,
    status: 200,
    authorizations: ['Bearer token-a', 'Bearer token-b'],
  });
});

const consumer = (module: string) => `
  import { createFegoraFetch, createTokenClient, TokenBrokerError } from '${module}';
  const tokens = createTokenClient({ endpoint: 'https://example.com/v1', account: 'main' });
  export const fingerprint: Promise<string> = tokens.getToken({ minValidity: 60 }).then((token) => token.fingerprint);
  export const answer: Promise<Response> = createFegoraFetch(tokens)('/dte', { method: 'POST' });
  export const code = (thrown: unknown): string => (thrown instanceof TokenBrokerError ? thrown.code : '');
  // @ts-expect-error: direct invocation needs an account
  createTokenClient({ functionName: 'broker' });
`;

test.each([
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])('the types compile in the package and in a copy, with %s modules and %s resolution', async (module, resolution) => {
  const root = join(import.meta.dirname, '../../..');
  const project = await mkdtemp(join(tmpdir(), 'token-client-types-'));
  const installed = join(project, 'node_modules/fegora-token-broker');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [tsc, '-p', join(root, 'client'), '--outDir', folder]);
  await mkdir(installed, { recursive: true });
  await symlink(join(root, 'node_modules/@types'), join(project, 'node_modules/@types'));
  await cp(join(root, 'package.json'), join(installed, 'package.json'));
  await cp(join(root, 'client'), join(installed, 'client'), { recursive: true });
  await cp(folder, join(installed, 'dist/client'), { recursive: true });
  await cp(folder, join(project, 'copy'), { recursive: true });
  await writeFile(join(project, 'package.json'), '{"type":"module"}');
  await writeFile(join(project, 'package.ts'), consumer('fegora-token-broker/client'));
  await writeFile(join(project, 'copy.ts'), consumer('./copy/index.mjs'));
  const compilerOptions = { module, moduleResolution: resolution, target: 'es2022', lib: ['es2022'], types: ['node'] };
  const more = { strict: true, noEmit: true };
  const settings = { compilerOptions: { ...compilerOptions, ...more }, include: ['*.ts'] };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify(settings));
  const checked = await run(process.execPath, [tsc, '-p', project]).catch((failure) => failure);
  await rm(project, { recursive: true });

  expect(checked.stdout).toBe('');
});

/** Returns the path of a Node of this major version, if PATH has one. */
async function find(major: number): Promise<string | undefined> {
  const folders = new Set(process.env.PATH?.split(delimiter));
  for (const place of folders) {
    const node = join(place, 'node');
    const found = await access(node).then(
      () => true,
      () => false,
    );
    if (found && (await run(node, ['--version'])).stdout.startsWith(`v${major}.`)) {
      return node;
    }
  }
  return undefined;
}

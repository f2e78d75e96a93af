// Tests the client's bundle for `import`, as `npm run build` makes it: size, imports, versions of Node. test/package/ has its types.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildProbe } from '../../../build.ts';
import { issued, keys, scriptedBroker } from '../../support/client/broker.ts';
import { callerNodes, findNode } from '../../support/nodes.ts';

const run = promisify(execFile);
let folder: string;
let imports: Metafile['outputs'][string]['imports'];
let pieces: Record<string, number>;
let bytes: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'token-client-'));
  const metafile = await buildProbe(folder);
  const [, output] = Object.entries(metafile.outputs).find(([path]) => path.endsWith('/client-parts.js')) ?? [];
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

    expect(packages.sort()).toEqual(['@smithy/core', '@smithy/signature-v4', 'without:./HeaderFormatter']);
  });

  test('imports only modules of Node', () => {
    expect(imports.map(({ path }) => path).filter((path) => !isBuiltin(path))).toEqual([]);
  });
});

const script = `
  import { createFegoraFetch, createTokenClient } from './client.js';
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

test.each(callerNodes)('the bundle works in Node %d when this version is installed', async (major) => {
  const node = await findNode(major);
  if (node === undefined) {
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

test('the bundle says in one line, in a Node that cannot use a proxy, that it does not use it', async () => {
  const node = await findNode(20);
  if (node === undefined) {
    return;
  }
  const lines = `
    import { createTokenClient } from './client.js';
    const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-real-key' };
    const tokens = createTokenClient({ endpoint: 'https://no-such-host.invalid', region: 'us-east-1', credentials });
    await tokens.getToken().catch(({ message }) => console.log(message));
  `;
  await writeFile(join(folder, 'proxy.mjs'), lines);
  const env = { HTTPS_PROXY: 'http://127.0.0.1:1' };
  const { stdout, stderr } = await run(node, [join(folder, 'proxy.mjs')], { env });

  const text = /HTTPS_PROXY is not used: Node 20\.\S+ cannot\. Use Node 22\.21, 24\.5 or later\./;
  expect(stderr).toMatch(text);
  expect(stdout).toMatch(text);
});

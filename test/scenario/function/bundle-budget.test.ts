// What the built bundle contains, and how large it is.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFunction } from '../../../scripts/bundles/function.ts';

type Output = Metafile['outputs'][string];

let folder: string;
let outputs: ReadonlyMap<string, Output>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'budget-'));
  const { outputs: built } = await buildFunction(folder);
  const names = Object.entries(built).map(([path, output]) => [basename(path), output] as const);
  // The size of the file as it is shipped: it is minified once more after esbuild has counted its bytes.
  const sized = names.map(async ([name, output]) => [name, { ...output, bytes: await sizeOf(name) }] as const);
  outputs = new Map(await Promise.all(sized));
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

async function sizeOf(name: string): Promise<number> {
  return (await stat(join(folder, name))).size;
}

/** A file of the bundle with all files that it imports statically. */
function loadedBy(entry: string): readonly Output[] {
  const names = [entry];
  for (const name of names) {
    const imports = outputs.get(name)?.imports ?? [];
    const staticImports = imports.filter(({ kind, external }) => kind === 'import-statement' && external !== true);
    names.push(...staticImports.map(({ path }) => basename(path)).filter((path) => !names.includes(path)));
  }
  return names.map((name) => outputs.get(name)).filter((output) => output !== undefined);
}

/** The packages, modules of Node, folders of ours and stand-ins of which the bundle contains at least one byte. */
function originsOf(loaded: readonly Output[]): string[] {
  const inputs = loaded.flatMap((output) => Object.entries(output.inputs));
  const present = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([input]) => originOf(input));
  return [...new Set(present)].toSorted();
}

function originOf(input: string): string {
  const inPackage = /node_modules\/(@[^/]+\/[^/]+|[^/]+)/.exec(input)?.[1];
  return inPackage ?? input.replace(/^node:|(?<=^lambda)\/.*$/g, '');
}

function bytesOf(loaded: readonly Output[]): number {
  return loaded.reduce((sum, { bytes }) => sum + bytes, 0);
}

describe('the file index.mjs, which every invocation loads', () => {
  it('contains only the function, its log and metrics, and its signer', () => {
    expect(originsOf(loadedBy('index.mjs'))).toEqual([
      '@middy/core',
      '@smithy/core',
      '@smithy/signature-v4',
      'lambda',
      'node:crypto',
      'node:timers',
      'node:timers/promises',
      'without:./HeaderFormatter',
    ]);
  });

  it('is at most 90 KB', () => {
    expect(bytesOf(loadedBy('index.mjs'))).toBeLessThan(90 * 1024);
  });
});

describe('the file secrets-client.mjs, which a read of a secret loads', () => {
  it("contains the SDK's client with one command, without its chain of credentials and its HTTP client", () => {
    expect(originsOf(loadedBy('secrets-client.mjs'))).toEqual([
      '@aws-sdk/client-secrets-manager',
      '@aws-sdk/core',
      '@aws/lambda-invoke-store',
      '@smithy/core',
      '@smithy/signature-v4',
      '@smithy/types',
      'lambda',
      'node:crypto',
      'node:fs',
      'node:fs/promises',
      'node:os',
      'node:path',
      'node:process',
      'node:stream',
      'without:./HeaderFormatter',
      'without:@smithy/node-http-handler',
    ]);
    const inputs = loadedBy('secrets-client.mjs').flatMap((output) => Object.keys(output.inputs));
    const commands = inputs.filter((input) => /client-secrets-manager\/.*Command\.js$/.test(input));
    expect(commands.map((input) => basename(input))).toEqual(['GetSecretValueCommand.js']);
  });

  it('is at most 160 KB', () => {
    expect(bytesOf(loadedBy('secrets-client.mjs'))).toBeLessThan(160 * 1024);
  });
});

describe('the files that index.mjs loads for operators, the schedule and the reset of an item', () => {
  it.each(['admin.mjs', 'warmup.mjs', 'send-due.mjs', 'item-reset.mjs'])(
    '%s has no copy of what index.mjs contains',
    (name) => {
      const [own, shared] = [name, 'index.mjs'].map((file) => Object.keys(outputs.get(file)?.inputs ?? {}));

      expect(own?.length).toBeGreaterThan(0);
      expect(own?.filter((input) => shared?.includes(input))).toEqual([]);
    },
  );
});

describe('the whole bundle', () => {
  it('imports no module of Node, because an import would evaluate all its exports', () => {
    const outside = [...outputs.values()].flatMap(({ imports }) => imports).filter(({ external }) => external);
    expect([...new Set(outside.map(({ path }) => path))].toSorted()).toEqual([
      './admin.mjs',
      './index.mjs',
      './item-reset.mjs',
      './secrets-client.mjs',
      './send-due.mjs',
      './warmup.mjs',
    ]);
  });
});

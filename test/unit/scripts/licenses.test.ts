// Tests scripts/licenses.ts with the real bundles, and with packages that it must refuse.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildProbe } from '../../../build.ts';
import { buildFunction } from '../../../scripts/bundles/function.ts';
import { describeLicenses } from '../../../scripts/licenses.ts';

const root = join(import.meta.dirname, '../../..');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'licenses-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** Name and SPDX id of each package in the text, sorted. */
function packagesIn(text: string): string[] {
  return [...text.matchAll(/^(\S+) \d+\.\d+\.\d+ (\(.+\))$/gm)].map(([, name, license]) => `${name} ${license}`).sort();
}

describe('the real bundles', () => {
  test('the function lists each bundled package once, with its licence', async () => {
    const text = await describeLicenses(await buildFunction(join(folder, 'lambda')), root);

    expect(packagesIn(text)).toEqual([
      '@aws-sdk/client-secrets-manager (Apache-2.0)',
      '@aws-sdk/core (Apache-2.0)',
      '@aws/lambda-invoke-store (Apache-2.0)',
      '@middy/core (MIT)',
      '@smithy/core (Apache-2.0)',
      '@smithy/signature-v4 (Apache-2.0)',
      '@smithy/types (Apache-2.0)',
    ]);
    expect(text).toContain('Copyright 2018-2020 Amazon.com, Inc. or its affiliates.');
    expect(text).toContain('[Luciano Mammino]');
  });

  test('the client lists its signer', async () => {
    const text = await describeLicenses(await buildProbe(join(folder, 'probe')), root);

    expect(packagesIn(text)).toEqual(['@smithy/core (Apache-2.0)', '@smithy/signature-v4 (Apache-2.0)']);
    expect(text).toContain('TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION');
  });
});

describe('an invented package', () => {
  /** Writes a package, and returns what esbuild reports about a bundle with a file of it. */
  async function bundleOf(name: string, license: string, files: Readonly<Record<string, string>>): Promise<Metafile> {
    const packageFolder = join(folder, 'node_modules', name);
    await mkdir(packageFolder, { recursive: true });
    const contents = { 'package.json': JSON.stringify({ name, version: '1.2.3', license }), ...files };
    await Promise.all(Object.entries(contents).map(([file, text]) => writeFile(join(packageFolder, file), text)));
    return metafileOf(`node_modules/${name}/index.js`, 10, `${name}.mjs`);
  }

  function metafileOf(path: string, bytesInOutput: number, bundle = 'index.mjs'): Metafile {
    const output = { bytes: 10, imports: [], exports: [], inputs: { [path]: { bytesInOutput } } };
    return { inputs: {}, outputs: { [bundle]: output } };
  }

  test('has its NOTICE in the text, after its licence', async () => {
    const metafile = await bundleOf('noted', 'Apache-2.0', { 'LICENSE.md': 'the licence', 'NOTICE.txt': 'the notice' });

    expect(await describeLicenses(metafile, folder)).toContain(
      'noted 1.2.3 (Apache-2.0)\n\nthe licence\n\nthe notice\n',
    );
  });

  test('is named without its licence when another list of the package has the text', async () => {
    const metafile = await bundleOf('shared', 'MIT', { LICENSE: 'the licence' });
    const other = { path: 'lambda/LIST', content: 'something else, and the licence' };
    const list = await describeLicenses(metafile, folder, other);

    expect(list).toContain('shared 1.2.3 (MIT)\n\nThe licence is in lambda/LIST.\n');
    expect(list).not.toContain('the licence');
  });

  test('is refused when its licence is not in the list', async () => {
    const metafile = await bundleOf('copyleft', 'AGPL-3.0-only', { LICENSE: 'the licence' });

    await expect(describeLicenses(metafile, folder)).rejects.toThrow('copyleft has the licence AGPL-3.0-only.');
  });

  test('is refused when no file has the text of its licence', async () => {
    const metafile = await bundleOf('textless', 'MIT', { NOTICE: 'the notice' });

    await expect(describeLicenses(metafile, folder)).rejects.toThrow('textless has no file with its licence.');
  });

  test('is refused when the kept text is of another licence', async () => {
    const metafile = await bundleOf('@middy/changed', 'Apache-2.0', {});

    await expect(describeLicenses(metafile, folder)).rejects.toThrow('@middy/changed has no file with its licence.');
  });

  test('shares its text with a package that has the same one', async () => {
    const [one, other] = [
      await bundleOf('one', 'MIT', { LICENSE: 'same' }),
      await bundleOf('other', 'MIT', { LICENSE: 'same\n' }),
    ];
    const outputs = { ...one.outputs, ...other.outputs };

    expect(await describeLicenses({ inputs: {}, outputs }, folder)).toContain(
      'one 1.2.3 (MIT)\nother 1.2.3 (MIT)\n\nsame\n',
    );
  });

  test('is not listed when none of its code is in the bundle', async () => {
    const text = await describeLicenses(metafileOf('node_modules/dropped/index.js', 0), folder);

    expect(packagesIn(text)).toEqual([]);
  });
});

// Tests how changed sources replace the function, on real files. The environments are only ports here:
// interactive.test.ts has real ones.
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ExecutionEnvironment } from '../../../local/environment.ts';
import { contextOf } from '../../../local/gateway/function.ts';
import { type Reload, type ReloadOptions, startReloading } from '../../../local/reloading.ts';
import { watchSources } from '../../../local/sources.ts';

const context = contextOf({ invokedFunctionArn: 'arn', awsRequestId: 'id', remainingMs: 25_000 });
const ended: (() => unknown)[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sources-'));
  await mkdir(join(folder, 'inner'));
  await change('one.ts');
  await change('inner/two.ts');
});

afterEach(async () => {
  for (const end of ended.splice(0)) {
    await end();
  }
  await rm(folder, { recursive: true, force: true });
});

let changes = 0;

/** A machine that runs tests is busy. */
function soon<T>(actual: () => T) {
  return expect.poll(actual, { timeout: 20_000 });
}

async function change(file: string): Promise<void> {
  changes += 1;
  writeFileSync(join(folder, file), `// ${changes}`);
}

async function replace(file: string): Promise<void> {
  await change('new');
  await rename(join(folder, 'new'), join(folder, file));
}

describe('the watch of the sources', () => {
  function watch(): string[] {
    const seen: string[] = [];
    ended.push(watchSources(folder, (file) => seen.push(file)));
    return seen;
  }

  test.each([
    ['is written in place', change],
    ['is replaced by rename', replace],
  ])('a file that %s is seen each time', async (_, act) => {
    const seen = watch();
    for (const times of [1, 2, 3]) {
      await act('inner/two.ts');
      await soon(() => seen).toEqual(Array.from({ length: times }, () => join('inner', 'two.ts')));
    }
  });

  test('a new file, a removed file and a folder that was made again are seen', async () => {
    const seen = watch();
    await change('three.ts');
    await soon(() => seen).toEqual(['three.ts']);
    await rm(join(folder, 'three.ts'));
    await soon(() => seen).toEqual(['three.ts', 'three.ts']);
    await rm(join(folder, 'inner'), { recursive: true });
    await soon(() => seen).toHaveLength(3);
    await mkdir(join(folder, 'inner'));
    await change('inner/four.ts');
    await soon(() => seen.at(-1)).toBe(join('inner', 'four.ts'));
  });

  test('the watch outlives its folder, and sees the one that comes in its place', async () => {
    const seen = watch();
    await rm(folder, { recursive: true });
    await soon(() => seen).toHaveLength(1);
    await mkdir(folder);
    await change('one.ts');
    await soon(() => seen).toEqual([expect.any(String), 'one.ts']);
  });

  test('only TypeScript files are seen', async () => {
    const seen = watch();
    await change('notes.md');
    await change('one.ts');
    await soon(() => seen).toEqual(['one.ts']);
  });
});

describe('a reload', () => {
  interface Started extends ExecutionEnvironment {
    readonly load: (problem?: string) => void;
    readonly answer: (text: string) => void;
    isStopped: boolean;
  }

  /** As a real environment: `stop` ends `loaded` and the calls that wait. */
  function environment(): Started {
    const loading = Promise.withResolvers<string | undefined>();
    const calling = Promise.withResolvers<string>();
    const started: Started = {
      loaded: loading.promise,
      handler: () => calling.promise,
      load: loading.resolve,
      answer: calling.resolve,
      isStopped: false,
      stop: async () => {
        started.isStopped = true;
        loading.resolve('the function was stopped');
        calling.resolve('stopped');
      },
    };
    return started;
  }

  function start(options: Partial<ReloadOptions> = {}) {
    const all: Started[] = [];
    const reloads: Reload[] = [];
    const begin = () => {
      const started = environment();
      all.push(started);
      return started;
    };
    const onReload = (reload: Reload) => void reloads.push(reload);
    const reloading = startReloading({ start: begin, folder, onReload, ...options });
    ended.push(reloading.stop);
    return { reloading, all, reloads };
  }

  test('a call ends in the environment in which it began, which is stopped only then', async () => {
    const { reloading, all, reloads } = start();
    const call = reloading.handler({}, context);
    await change('one.ts');
    await soon(() => all).toHaveLength(2);
    all[1]?.load();
    await soon(() => reloads).toMatchObject([{ file: 'one.ts', problem: undefined }]);

    all[1]?.answer('by the new one');
    await expect(reloading.handler({}, context)).resolves.toBe('by the new one');
    expect(all[0]?.isStopped).toBe(false);
    all[0]?.answer('by the old one');
    await expect(call).resolves.toBe('by the old one');
    await soon(() => all[0]?.isStopped).toBe(true);
    expect(all[1]?.isStopped).toBe(false);
  });

  test('sources that do not load in time change nothing, and later ones load', async () => {
    const { reloading, all, reloads } = start({ longestLoadMs: 50 });
    all[0]?.answer('by the old one');
    await change('one.ts');
    await soon(() => reloads).toMatchObject([{ problem: 'the sources have not loaded after 0.05 s' }]);
    await soon(() => all[1]?.isStopped).toBe(true);
    await expect(reloading.handler({}, context)).resolves.toBe('by the old one');
    await replace('one.ts');
    await soon(() => all).toHaveLength(3);
    all[2]?.load();
    await soon(() => reloads).toMatchObject([{}, { problem: undefined }]);
  });

  test('stop ends every environment, also one that never loads, and reports no reload', async () => {
    const { reloading, all, reloads } = start();
    await change('one.ts');
    await soon(() => all).toHaveLength(2);
    await reloading.stop();
    expect(all.map(({ isStopped }) => isStopped)).toEqual([true, true]);
    expect(reloads).toEqual([]);
  });
});

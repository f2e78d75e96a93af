// Tests .dependency-cruiser.mjs: runs `npm run arrows` on a copy of the sources, with forbidden imports of types added.
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { appendFile, cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** What is forbidden, the file that imports, the file that it imports, and the rule that refuses it. */
const forbidden = [
  ['the core imports an adapter', 'lambda/broker/token.ts', 'lambda/aws/dynamodb.ts', 'imports-of-lambda/broker/'],
  ['the client imports the function', 'client/retry.ts', 'lambda/errors.ts', 'imports-of-client/'],
  ['fegora imports an event', 'lambda/fegora/token-response.ts', 'lambda/events/admin.ts', 'imports-of-lambda/fegora/'],
  ['two files import each other', 'lambda/telemetry/metric-names.ts', 'lambda/telemetry/metrics.ts', 'no-cycle'],
] as const;

let copy = '';
let exitCode: unknown;
let report = '';

/** The arguments of dependency-cruiser in the script `arrows`. */
async function readArguments(): Promise<string[]> {
  const [, line = ''] = /"arrows": "depcruise (.*)"/.exec(await readFile(join(root, 'package.json'), 'utf8')) ?? [];
  return line.split(' ');
}

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'arrows-'));
  const args = await readArguments();
  const sources = [...args.slice(2), 'package.json', '.dependency-cruiser.mjs'];
  const filter = (path: string) => !path.endsWith('/node_modules');
  await Promise.all(sources.map((path) => cp(join(root, path), join(copy, path), { recursive: true, filter })));
  for (const installed of ['node_modules', 'scripts/reference/node_modules']) {
    await symlink(join(root, installed), join(copy, installed));
  }
  for (const [, from, to] of forbidden) {
    const path = `${'../'.repeat(from.split('/').length - 1)}${to}`;
    await appendFile(join(copy, from), `\nimport type { Forbidden } from '${path}';\n`);
  }
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  await new Promise<void>((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: copy }, (error, stdout, stderr) => {
      exitCode = error?.code ?? 0;
      report = stdout + stderr;
      resolve();
    });
  });
});

afterAll(() => rm(copy, { recursive: true }));

test.each(forbidden)('npm run arrows refuses it when %s', (_, from, to, rule) => {
  expect(report).toMatch(new RegExp(`^ *error ${rule}: ${from} →\\s+${to}( →)?$`, 'm'));
});

test('npm run arrows fails, and refuses no other import', () => {
  // The imports against an arrow close cycles too.
  expect(report.match(/^ *error (?!no-cycle).*/gm)).toHaveLength(forbidden.length - 1);
  expect(exitCode).toBeGreaterThanOrEqual(forbidden.length);
});

test('no source names a type by import(), which dependency-cruiser sees only in some places', () => {
  const sources = globSync('**/*.ts', { cwd: copy, exclude: ['node_modules'] });
  const text = sources.map((path) => readFileSync(join(copy, path), 'utf8')).join('\n');
  expect(text.match(/\bimport\('[^']+'\)\.[A-Z]\w+/g)).toBeNull();
});

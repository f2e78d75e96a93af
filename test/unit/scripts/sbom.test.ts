// Tests scripts/sbom.ts on the build of this repository: `npm test` builds dist/ before it runs the tests.
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly scope: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly unknown[];
}

interface Sbom {
  readonly components: readonly Component[];
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

function describePackage(): Sbom {
  return JSON.parse(execFileSync('node', ['scripts/sbom.ts'], { cwd: root }).toString());
}

test('the bill of materials has every package of the lists of licences, with the hash of the lockfile', () => {
  const { components, metadata, dependencies } = describePackage();
  const { packages } = JSON.parse(read('package-lock.json'));
  const lists = globSync('dist/**/THIRD-PARTY-LICENSES', { cwd: root }).map(read).join('\n');
  const listed = new Set(
    [...lists.matchAll(/^(@?[\w./-]+) (\d\S*) \(/gm)].map(([, name, version]) => `${name}@${version}`),
  );

  expect(metadata.component).toMatchObject({
    name: 'fegora-token-broker',
    version: JSON.parse(read('package.json')).version,
  });
  expect(new Set(components.map((component) => component['bom-ref']))).toEqual(listed);
  expect(listed).toContain(`commander@${packages['node_modules/commander'].version}`);
  // CycloneDX wants no reference to a component that is not in the document.
  expect(dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !listed.has(ref))).toEqual([]);
  for (const { name, scope, hashes, licenses } of components) {
    expect(scope, name).toBe('required');
    expect(licenses, name).toHaveLength(1);
    const [{ alg, content } = { alg: '', content: '' }] = hashes;
    expect([alg, Buffer.from(content, 'hex').toString('base64')], name).toEqual([
      'SHA-512',
      hashInLockfile(packages, name),
    ]);
  }
});

function hashInLockfile(packages: Record<string, { integrity?: string }>, name: string): string | undefined {
  return packages[`node_modules/${name}`]?.integrity?.replace(/^sha512-/, '');
}

// Prints the software bill of materials of the package, as CycloneDX JSON. Run by the release workflow, after `npm run build`.
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { licensesFile } from './licenses.ts';

const root = join(import.meta.dirname, '..');

interface Sbom {
  readonly metadata: { readonly component: Readonly<Record<string, unknown>> };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

type Component = Readonly<Record<string, unknown>> & { readonly 'bom-ref': string };

/**
 * Returns what npm says of the packages of which some code is in dist/: version, licence and SHA-512. To npm they are packages
 * for development, because the package installs none of them.
 *
 * @throws Error if dist/ is not built, or if npm does not know a package of it
 * @see https://cyclonedx.org/docs/1.5/json/
 */
function describePackage(): object {
  const { metadata, components, dependencies, ...document } = readTree();
  const bundled = new Set(bundledPackages());
  const known = new Map(components.map((component) => [component['bom-ref'], component]));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const own = `fegora-token-broker@${version}`;
  return {
    ...document,
    metadata: { ...metadata, component: { ...metadata.component, name: 'fegora-token-broker' } },
    components: [...bundled].map((name) => asRequired(known.get(name) ?? missing(name))),
    dependencies: [
      { ref: own, dependsOn: [...bundled] },
      ...dependencies.filter(({ ref }) => bundled.has(ref)).map((row) => onlyOf(row, bundled)),
    ],
  };
}

function readTree(): Sbom {
  const text = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx'], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(text.toString());
}

/** Name and version of each package in the lists of licences that the build writes: `commander@14.0.3`. */
function bundledPackages(): string[] {
  const lists = globSync(`dist/**/${licensesFile}`, { cwd: root }).map((file) =>
    readFileSync(join(root, file), 'utf8'),
  );
  const titles = lists.flatMap((list) => [...list.matchAll(/^(\S+) (\d+\.\d+\.\d+\S*) \(\S+\)$/gm)]);
  if (titles.length === 0) {
    throw new Error('dist/ has no list of licences. Run `npm run build` first.');
  }
  return [...new Set(titles.map(([, name, version]) => `${name}@${version}`))].sort();
}

function asRequired({ properties, ...component }: Component): object {
  return { ...component, scope: 'required' };
}

function onlyOf({ ref, dependsOn }: Sbom['dependencies'][number], kept: ReadonlySet<string>): object {
  return { ref, dependsOn: dependsOn.filter((name) => kept.has(name)) };
}

function missing(name: string): never {
  throw new Error(`npm does not know ${name}, which is in dist/. Run \`npm ci\` and \`npm run build\` again.`);
}

console.log(JSON.stringify(describePackage(), null, 2));

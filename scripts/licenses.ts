// Lists the packages whose code is in a bundle, with their licences. Called by build.ts for each bundle.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** Name of the file that stands beside a bundle. */
export const licensesFile = 'THIRD-PARTY-LICENSES';

/** SPDX ids that allow us to bundle a package under our own licence, if the bundle has the text of the licence. */
const allowed = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0']);

/** Licences from the repositories of packages that do not contain their licence: `@scope/<SPDX id>.txt`. */
const kept = join(import.meta.dirname, 'licenses');

/** A list that was made before. */
export interface OtherList {
  /** Where its file is, seen from the file of the new list. */
  readonly path: string;
  readonly content: string;
}

interface Bundled {
  /** Name, version and SPDX id, as a line of text. */
  readonly title: string;
  readonly text: string;
}

/**
 * Describes what other authors have in a bundle: each package once, with name, version and SPDX id, and the texts of its
 * licence and NOTICE files. Packages with the same text share it.
 *
 * @param metafile what esbuild reports about the bundle
 * @param root absolute path of the folder that the paths in `metafile` start from
 * @param other another list of the same package: a text that is in it is not repeated
 * @returns the content of {@link licensesFile}
 * @throws Error for a package without the text of its licence, or with a licence that is not allowed
 * @see https://www.apache.org/licenses/LICENSE-2.0#redistribution
 */
export async function describeLicenses(metafile: Metafile, root: string, other?: OtherList): Promise<string> {
  const packages = await Promise.all(packageFolders(metafile).map((folder) => readPackage(join(root, folder))));
  const byText = Map.groupBy(packages, ({ text }) => text);
  const parts = [...byText].map(([text, group]) => {
    const titles = [...new Set(group.map(({ title }) => title))].sort();
    return `${titles.join('\n')}\n\n${other?.content.includes(text) ? `The licence is in ${other.path}.` : text}`;
  });
  return ['This bundle contains code of these packages.', ...parts.sort()]
    .join(`\n\n${'-'.repeat(80)}\n\n`)
    .concat('\n');
}

/** The folders of the packages of which some code is in the output. A package that esbuild drops whole is not listed. */
function packageFolders({ outputs }: Metafile): string[] {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([path, { bytesInOutput }]) =>
    bytesInOutput > 0 ? (/^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []) : [],
  );
  return [...new Set(folders)];
}

async function readPackage(folder: string): Promise<Bundled> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  if (!allowed.has(license)) {
    throw new Error(
      `${name} has the licence ${license}. Check it and add it to scripts/licenses.ts, or do not bundle it.`,
    );
  }
  const files = await readTexts(folder, /^(licen[cs]e|copying)([.-].*)?$/i);
  const texts = files.length > 0 ? files : [await readKept(name, license)];
  const notices = await readTexts(folder, /^notice([.-].*)?$/i);
  return { title: `${name} ${version} (${license})`, text: [...texts, ...notices].join('\n\n') };
}

async function readTexts(folder: string, names: RegExp): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => names.test(file)).sort();
  return Promise.all(files.map(async (file) => (await readFile(join(folder, file), 'utf8')).trim()));
}

async function readKept(name: string, license: string): Promise<string> {
  const path = join(kept, name.split('/')[0] ?? '', `${license}.txt`);
  return (await readFile(path, 'utf8').catch(() => missing(name, path))).trim();
}

function missing(name: string, path: string): never {
  throw new Error(`${name} has no file with its licence. Copy the licence of its repository to ${path}.`);
}

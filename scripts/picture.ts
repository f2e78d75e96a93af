// Draws the folders and what they import into docs/architecture.md. Run by `npm run picture`.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Imports, readImports } from './imports.ts';

const root = join(import.meta.dirname, '..');
/** The page that holds the pictures. */
export const page = join(root, 'docs/architecture.md');

/** A picture: its name in the page's markers, the folders to read, and the node that stands for a file. */
interface Picture {
  readonly name: string;
  readonly folders: readonly string[];
  readonly nodeOf: (file: string) => string | undefined;
}

const pictures: readonly Picture[] = [
  {
    name: 'folders',
    folders: ['lambda', 'client', 'infra', 'cli', 'local'],
    nodeOf: (file) => /^\w+\//.exec(file)?.[0],
  },
  {
    name: 'lambda',
    folders: ['lambda'],
    // errors.ts, json.ts and config.ts are left out: an arrow to them from every folder would hide the others.
    nodeOf: (file) => /^lambda\/(\w+\/|handler.ts)/.exec(file)?.[1],
  },
];

/** An arrow for every pair of nodes of which a file of the first imports a file of the second. */
function draw(imports: Imports, nodeOf: Picture['nodeOf']): string {
  const node = (name: string) => `${name.replaceAll(/\W/g, '')}["${name}"]`;
  const arrows = new Set<string>();
  for (const [file, imported] of imports) {
    for (const other of imported) {
      const [from, to] = [nodeOf(file), nodeOf(other)];
      if (from !== undefined && to !== undefined && from !== to) {
        arrows.add(`  ${node(from)} --> ${node(to)}`);
      }
    }
  }
  return ['```mermaid', 'flowchart TD', ...[...arrows].sort(), '```'].join('\n');
}

/** @returns the text of the page with each picture as the imports of the sources are now */
export async function drawInto(text: string): Promise<string> {
  let drawn = text;
  for (const { name, folders, nodeOf } of pictures) {
    const { imports } = await readImports(root, folders);
    const [start, end] = [`<!-- picture of ${name}: npm run picture -->`, '<!-- end of picture -->'];
    const place = new RegExp(`${start}\n[\\s\\S]*?${end}`);
    if (!place.test(drawn)) {
      throw new Error(
        `docs/architecture.md has no place for the picture of ${name}: put the lines ${start} and ${end}.`,
      );
    }
    drawn = drawn.replace(place, () => [start, draw(imports, nodeOf), end].join('\n'));
  }
  return drawn;
}

if (import.meta.main) {
  await writeFile(page, await drawInto(await readFile(page, 'utf8')));
}

// Reads a page as parts that do not depend on its language. Used by the tests of pages.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/** One heading of a page, and what is below it until the next heading. */
export interface Section {
  /** The number of `#`. */
  readonly level: number;
  readonly heading: string;
  /** As GitHub makes it of the heading. */
  readonly anchor: string;
  /** Each block of code, with its fences and the comment in the line before that gives it a name. */
  readonly code: readonly string[];
  /** The text without the blocks of code. */
  readonly prose: string;
}

/** Returns the text of a page. `page` is its path in the repository. */
export function readPage(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** The anchor of a heading, as GitHub makes it: letters of any language stay. */
export function githubAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_\s-]/gu, '')
    .replaceAll(/\s/g, '-');
}

const codeBlock = /(?:^ *<!-- .* -->\n)?^( *)```\w*\n[\s\S]*?^\1```$/gm;

/** Returns the sections of a page in their order. */
export function readSections(page: string): readonly Section[] {
  const blocks: string[] = [];
  // A line of a block can look like a heading, so a number stands for each block while the page is cut.
  const text = readPage(page).replaceAll(codeBlock, (block) => `\u{E000}${blocks.push(block) - 1}\u{E001}`);
  return text
    .split(/^(?=#+ )/m)
    .slice(1)
    .map((part) => readSection(part, blocks));
}

function readSection(text: string, blocks: readonly string[]): Section {
  const [, marks = '', heading = '', body = ''] = /^(#+) (.+)\n?([\s\S]*)/.exec(text) ?? [];
  const places = [...body.matchAll(/\u{E000}(\d+)\u{E001}/gu)];
  return {
    level: marks.length,
    heading,
    anchor: githubAnchor(heading),
    code: places.map(([, place]) => blocks[Number(place)] ?? ''),
    prose: body.replaceAll(/\u{E000}\d+\u{E001}/gu, ''),
  };
}

/** The paths, settings, codes and commands between backticks, in their order. A line end in one counts as a space. */
export function codesIn(prose: string): readonly string[] {
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replaceAll(/\s+/g, ' '));
}

/** The targets of links and pictures, in their order. */
export function targetsIn(prose: string): readonly string[] {
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The figures outside of links and backticks, in their order. */
export function figuresIn(prose: string): readonly string[] {
  const words = prose.replaceAll(/`[^`]+`/g, '').replaceAll(/\]\([^)\s]+\)/g, '');
  return words.match(/\d(?:[\d.,:]*\d)?/g) ?? [];
}

/** The rows of tables, those below headings included. */
export function rowsIn(prose: string): readonly string[] {
  return prose.match(/^ *\|.*$/gm) ?? [];
}

/** The items of lists. */
export function itemsIn(prose: string): readonly string[] {
  return prose.match(/^ *(?:\*|\d+\.) /gm) ?? [];
}

/** Paragraphs, lists and tables: what empty lines separate. */
export function blocksIn(prose: string): readonly string[] {
  return prose.split(/\n\s*\n/).filter((block) => block.trim() !== '');
}

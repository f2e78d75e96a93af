// Reads the sessions of a page: commands, and what they print. Used by the tests that run them as printed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/** A command, and what the page says that it prints. */
export interface Step {
  /** May have several lines, if it ends with a here-document. */
  readonly command: string;
  readonly output: string;
}

/** One block of a page that has a name: `<!-- session: name -->` in the line before it. */
export interface Session {
  readonly name: string;
  readonly steps: readonly Step[];
  /** What is printed before the first command: the output of a program that runs already. */
  readonly printed: string;
}

/** @returns the sessions of a page in their order. `page` is its path in the repository */
export function readSessions(page: string): readonly Session[] {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = text.matchAll(/<!-- session: (\S+) -->\n```\w*\n([\s\S]*?)```\n/g);
  return Array.from(blocks, ([, name = '', block = '']) => {
    const [printed = '', ...steps] = block.split(/^\$ /m);
    return { name, printed, steps: steps.map(readStep) };
  });
}

/** The lines of a here-document are a part of the command. */
function readStep(text: string): Step {
  const [, document] = /^.*<<'(\w+)'\n/.exec(text) ?? [];
  const end = document === undefined ? text.indexOf('\n') : text.indexOf(`\n${document}\n`) + document.length + 1;
  return { command: text.slice(0, end), output: text.slice(end + 1) };
}

// Reads the runbooks of docs/operations.md. Used by the tests that hold their form, and by those that follow them.
import { readFileSync } from 'node:fs';

/** The names of the parts of a runbook, in order. */
export const partNames = ['Symptom', 'It means', 'Look at', 'Do', 'Call Fegora'] as const;

/** One part of a runbook. */
export interface RunbookPart {
  readonly name: string;
  /** The arguments of each command of the command line, in order, without the program's name. */
  readonly commands: readonly (readonly string[])[];
  /** Queries for CloudWatch Logs Insights, in order. */
  readonly queries: readonly string[];
}

/** One runbook. */
export interface Runbook {
  readonly heading: string;
  readonly text: string;
  /** In the order of the page. */
  readonly parts: readonly RunbookPart[];
}

/** Returns the runbooks in the order of the page. */
export function readRunbooks(): readonly Runbook[] {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, chapter = ''] = /\n## Runbooks\n([\s\S]*?)\n## /.exec(page) ?? [];
  return chapter.split(/^### /m).slice(1).map(readRunbook);
}

function readRunbook(section: string): Runbook {
  const [heading = '', ...lines] = section.split('\n');
  const text = lines.join('\n');
  return {
    heading,
    text,
    parts: text
      .split(/^(?=\*\*[A-Z])/m)
      .slice(1)
      .map(readPart),
  };
}

function readPart(text: string): RunbookPart {
  const [, name = ''] = /^\*\*([\w ]+?)\.?\*\*/.exec(text) ?? [];
  const found = [...text.matchAll(/(?:^|`)fegora-broker ([^`\n#]+)/gm)];
  const commands = found.map(([, args = '']) => args.trim().split(/\s+/));
  const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)\n```$/gm)];
  const queries = blocks.flatMap(([, language, query = '']) => (language === '' ? [query] : []));
  return { name, commands, queries };
}

/** The heading as links spell it. */
export function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(' ', '-');
}

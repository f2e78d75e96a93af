// Checks a tag before a release, and prints the notes of the release. Run by .github/workflows/release.yml.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One version of the changelog. */
export interface Entry {
  /** For example `1.2.3`, or `Unreleased`. */
  readonly version: string;
  /** `YYYY-MM-DD`. `Unreleased` has none. */
  readonly date?: string;
  /** Markdown, without the heading. */
  readonly notes: string;
}

/**
 * Reads the versions of a changelog.
 *
 * @param changelog text in the form of Keep a Changelog
 * @returns the entries in the order of the text, the newest first
 * @see https://keepachangelog.com/en/1.1.0/
 */
export function readEntries(changelog: string): Entry[] {
  return changelog
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [heading = '', ...lines] = section.split('\n');
      const [version = '', date] = heading.trim().split(' - ');
      return { version, notes: lines.join('\n').trim(), ...(date !== undefined && { date }) };
    });
}

/**
 * Finds the notes of a release.
 *
 * @param tag for example `v1.2.3`
 * @param version the version in package.json
 * @throws Error if the tag is not that of the version, or if the newest released entry of the changelog is not this version
 */
export function findNotes(tag: string, version: string, changelog: string): string {
  if (tag !== `v${version}`) {
    throw new Error(
      `The tag is ${tag}, but package.json has the version ${version}. Delete the tag and correct one of them.`,
    );
  }
  const newest = readEntries(changelog).find((entry) => entry.version !== 'Unreleased');
  if (newest?.version !== version || newest.notes === '') {
    throw new Error(
      `The newest release in CHANGELOG.md is not ${version}, or it is empty. Move the changes of Unreleased to it.`,
    );
  }
  return newest.notes;
}

if (import.meta.main) {
  const read = (file: string) => readFile(join(import.meta.dirname, '..', file), 'utf8');
  const { version } = JSON.parse(await read('package.json'));
  process.stdout.write(`${findNotes(process.argv[2] ?? '', version, await read('CHANGELOG.md'))}\n`);
}

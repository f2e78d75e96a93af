// Tells when the TypeScript files of a folder have changed. Called by reloading.ts. scenario/local/reloading.test.ts tests it.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The files, each with a text that differs after every change. */
type Versions = ReadonlyMap<string, string>;

/** Two looks that see the same files end a change: an editor writes in several steps, and a change of branch many files. */
const lookMs = 150;

/**
 * Calls `onChange` with a changed file, relative to the folder, once no file changes any more. It looks again and again:
 * the recursive `fs.watch` of Linux no longer sees a file that was replaced by another one of the same name, as `mv`,
 * `sed -i`, `git checkout` and many editors do.
 *
 * @returns ends the looks
 * @see https://github.com/nodejs/node/blob/v24.21.0/lib/internal/fs/recursive_watch.js
 */
export function watchSources(folder: string, onChange: (file: string) => void): () => void {
  let known = versionsIn(folder);
  let seen = known;
  const timer = setInterval(() => {
    const now = versionsIn(folder);
    const hasSettled = firstDifference(seen, now) === undefined;
    const file = firstDifference(known, now);
    seen = now;
    if (hasSettled && file !== undefined) {
      known = now;
      onChange(file);
    }
  }, lookMs);
  return () => clearInterval(timer);
}

/** A file or a folder that goes away during the look counts as absent. The next look sees what came in its place. */
function versionsIn(folder: string): Versions {
  return new Map(filesIn(folder).map((file) => [file, versionOf(join(folder, file))]));
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  } catch {
    return [];
  }
}

function versionOf(path: string): string {
  try {
    const { ino, ctimeMs, size } = statSync(path);
    return `${ino} ${ctimeMs} ${size}`;
  } catch {
    return 'absent';
  }
}

function firstDifference(one: Versions, other: Versions): string | undefined {
  const files = new Set([...one.keys(), ...other.keys()]);
  return [...files].find((file) => one.get(file) !== other.get(file));
}

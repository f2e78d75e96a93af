// A copy of the repository as `git clone` makes it. Used by the tests of this folder.
import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Project, projectIn } from './project.ts';
import { root } from './tarball.ts';

/** Copies what git has of the repository, as far as it is part of the package or makes it. Nothing is installed. */
export async function copyClone(folder: string, name: string): Promise<Project> {
  const folders = ['lambda', 'client', 'infra', 'cli', 'local', 'scripts'];
  const files = ['build.ts', 'cdk.json', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  const clone = join(folder, name);
  const filter = (path: string) => basename(path) !== 'node_modules';
  await Promise.all(
    [...folders, ...files, '.npmrc'].map((path) =>
      cp(join(root, path), join(clone, path), { recursive: true, filter }),
    ),
  );
  return projectIn(clone);
}

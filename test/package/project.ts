// Makes foreign projects: folders outside of the repository that install the tarball. Used by the tests of this folder.
import { access, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { runIn, type Variables } from './process.ts';
import { packPackage, root, type Tarball } from './tarball.ts';

/** A folder with the tarball and foreign projects. */
export interface Workshop {
  /** The folder of all projects. */
  readonly projects: string;
  readonly tarball: Tarball;
  /** Makes a project with these files, and installs the tarball in it as its user would. */
  readonly startProject: (name: string, files: Files) => Promise<Project>;
  readonly close: () => Promise<void>;
}

/** Contents by path. An object is written as JSON. */
export type Files = Readonly<Record<string, string | object>>;

/** A foreign project that has the package installed. */
export interface Project {
  readonly folder: string;
  readonly write: (files: Files) => Promise<void>;
  /** Runs a command in the project and returns its standard output. */
  readonly run: (command: string, args: readonly string[], variables?: Variables) => Promise<string>;
  /** Returns the path of a package or a scope that a module of the project would find. */
  readonly resolve: (name: string) => Promise<string>;
  /** The packages in its `node_modules`. */
  readonly installed: () => Promise<readonly string[]>;
}

/**
 * Packs the package.
 *
 * @param toolchain folder whose `node_modules` has compilers, bundlers and the CDK. The projects find them as Node finds
 *   packages, in a folder above their own, so that a test installs only our package
 */
export async function openWorkshop(toolchain: string = root): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'package-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const projects = join(folder, 'projects');
  await mkdir(projects);
  if (toolchain !== root) {
    await symlink(join(toolchain, 'node_modules'), join(projects, 'node_modules'));
  }
  const tarball = await packPackage(folder);
  return {
    projects,
    tarball,
    startProject: async (name, files) => {
      const project = projectIn(join(projects, name));
      await project.write({ 'package.json': { name, private: true }, ...files });
      await project.run('npm', ['install', '--no-package-lock', tarball.path]);
      return project;
    },
    close: () => rm(folder, { recursive: true }),
  };
}

/** Returns the project in a folder, which may not exist yet. */
export function projectIn(folder: string): Project {
  return {
    folder,
    write: (files) => writeFiles(folder, files),
    run: (command, args, variables) => runIn(folder, command, args, variables),
    resolve: (name) => resolveFrom(folder, name),
    installed: async () => {
      const names = await readdir(join(folder, 'node_modules'));
      return names.filter((name) => !basename(name).startsWith('.'));
    },
  };
}

async function resolveFrom(folder: string, name: string): Promise<string> {
  const place = join(folder, 'node_modules', name);
  const isThere = await access(place).then(
    () => true,
    () => false,
  );
  if (isThere) {
    return place;
  }
  if (dirname(folder) === folder) {
    throw new Error(`${name} is not installed`);
  }
  return resolveFrom(dirname(folder), name);
}

async function writeFiles(folder: string, files: Files): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`);
  }
}

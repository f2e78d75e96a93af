// Makes the pages of docs/api from the docblocks of what the package exports. Called by ../api-reference.ts.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, PageEvent, type ProjectReflection } from 'typedoc';
import type { PluginOptions } from 'typedoc-plugin-markdown';
import { simplify } from './simplify.ts';

const root = join(import.meta.dirname, '../..');

/** What each page is about, by the name that typedoc gives to the entry point. */
const modules: Readonly<Record<string, { readonly page: string; readonly title: string; readonly about: string }>> = {
  infra: {
    page: 'construct',
    title: 'fegora-token-broker',
    about:
      'The constructs for AWS CDK apps. [Operations](../operations.md#the-construct-in-your-own-app) shows them at work.',
  },
  client: {
    page: 'client',
    title: 'fegora-token-broker/client',
    about: 'The client for callers. [Callers](../callers.md) shows it at work.',
  },
};

const options: PluginOptions & Parameters<typeof Application.bootstrapWithPlugins>[0] = {
  plugin: [fileURLToPath(import.meta.resolve('typedoc-plugin-markdown'))],
  entryPoints: ['infra/index.ts', 'client/index.ts'].map((path) => join(root, path)),
  tsconfig: join(root, 'tsconfig.build.json'),
  // `npm run types` has checked the sources, with another version of TypeScript.
  skipErrorChecking: true,
  logLevel: 'Warn',
  readme: 'none',
  basePath: root,
  excludeExternals: true,
  excludePrivate: true,
  excludeProtected: true,
  disableSources: true,
  jsDocCompatibility: { defaultTag: false },
  // A list of names in the code: its type is what the page shows.
  intentionallyNotExported: ['alarmNames'],
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  outputFileStrategy: 'modules',
  hidePageHeader: true,
  hideBreadcrumbs: true,
  hidePageTitle: true,
  propertiesFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  parametersFormat: 'table',
  tableColumnSettings: { hideDefaults: true, hideInherited: true, hideModifiers: true, hideOverrides: true },
};

/**
 * Returns the pages by their file names.
 *
 * @throws Error if a docblock has a fault, for example if it names a type that the package does not export
 */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const app = await Application.bootstrapWithPlugins(options);
  const project = await app.convert();
  if (project === undefined) {
    throw new Error('typedoc cannot read the sources: see its output.');
  }
  simplify(project);
  app.validate(project);
  app.renderer.on(PageEvent.END, (page) => {
    page.contents = complete(page.url, page.contents ?? '');
  });
  const pages = await rendered(app, project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) {
    throw new Error('A docblock has a fault: see the output of typedoc.');
  }
  return pages;
}

async function rendered(app: Application, project: ProjectReflection): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'reference-'));
  try {
    for (const module of project.children ?? []) {
      module.name = modules[module.name]?.page ?? module.name;
    }
    await app.outputs.writeOutput({ name: 'markdown', path: folder }, project);
    const files = await readdir(folder);
    return new Map(
      await Promise.all(files.map(async (file) => [file, await readFile(join(folder, file), 'utf8')] as const)),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

function complete(url: string, contents: string): string {
  const shown = Object.values(modules).find(({ page }) => url === `${page}.md`);
  if (shown === undefined) {
    const links = Object.values(modules).map(({ page, title, about }) => `* [${title}](${page}.md): ${about}`);
    return ['# API reference', 'What the package exports:', links.join('\n'), generated].join('\n\n').concat('\n');
  }
  return [`# ${shown.title}`, shown.about, generated, tableOfContents(contents), contents.trim()]
    .join('\n\n')
    .concat('\n');
}

const generated = '`npm run api-reference` makes this page from the docblocks. Do not change it by hand.';

/** A list of the groups, each with links to what is in it. */
function tableOfContents(contents: string): string {
  return contents
    .split(/^## /m)
    .slice(1)
    .map((group) => {
      const [title = ''] = group.split('\n');
      const names = [...group.matchAll(/^### (.+)$/gm)].map(([, name = '']) => `[${name}](#${anchorOf(name)})`);
      return `* [${title}](#${anchorOf(title)}): ${names.join(', ')}`;
    })
    .join('\n');
}

/** As GitHub makes them of headings. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');
}

// Tests .github/: which rights the workflows take, and which code of others they run.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../../..');

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> };
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: object;
  readonly jobs: Readonly<Record<string, Job>>;
}

const read = (file: string) => readFileSync(join(root, file), 'utf8');
const workflows = globSync('.github/workflows/*.{yml,yaml}', { cwd: root }).sort();

test('the workflows are those that CONTRIBUTING.md describes', () => {
  expect(workflows.map((file) => file.split('/').at(-1))).toEqual([
    'codeql.yml',
    'packages.yml',
    'release.yml',
    'test.yml',
  ]);
});

describe.each(workflows)('%s', (file) => {
  const text = read(file);
  const workflow: Workflow = parse(text);
  const jobs = Object.entries(workflow.jobs);
  const steps = jobs.flatMap(([, job]) => job.steps);

  test('pins each action to a commit, with the version as a comment', () => {
    const lines = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line));
    const pinned = /uses: [\w-]+(\/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;

    expect(lines).toHaveLength(steps.filter(({ uses }) => uses !== undefined).length);
    expect(lines.filter((line) => !pinned.test(line))).toEqual([]);
  });

  test('takes no right for all jobs, and each job names its own', () => {
    expect(workflow.permissions).toEqual({});
    expect(jobs.filter(([, job]) => job.permissions === undefined).map(([name]) => name)).toEqual([]);
  });

  test('does not run with the rights of main on the code of a pull request', () => {
    expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
    expect(Object.keys(workflow.on)).not.toContain('workflow_run');
  });

  test('puts no expression into a script, because its value would run as a part of the script', () => {
    expect(steps.filter(({ run }) => run?.includes('${{'))).toEqual([]);
  });

  test('leaves no token in the working copy', () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'));

    expect(checkouts.filter((step) => step.with?.['persist-credentials'] !== false)).toEqual([]);
  });

  test('ends in time, and does not run twice for one branch or tag', () => {
    expect(jobs.filter(([, job]) => job['timeout-minutes'] === undefined).map(([name]) => name)).toEqual([]);
    expect(workflow.concurrency).toBeDefined();
  });
});

test('only these jobs may write', () => {
  const rights = workflows.flatMap((file) => {
    const workflow: Workflow = parse(read(file));
    return Object.entries(workflow.jobs).flatMap(([job, { permissions = {} }]) =>
      Object.entries(permissions).flatMap(([right, level]) => (level === 'write' ? [`${job}: ${right}`] : [])),
    );
  });

  expect(rights).toEqual(['analyze: security-events', 'attest: id-token', 'attest: attestations', 'publish: contents']);
});

test('a job of the release that may write runs no code of packages', () => {
  const { jobs }: Workflow = parse(read('.github/workflows/release.yml'));
  const writers = Object.values(jobs).filter(({ permissions = {} }) => Object.values(permissions).includes('write'));
  const scripts = writers.flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));

  expect(writers).toHaveLength(2);
  expect(scripts.filter((script) => /\b(npm|npx|node)\b/.test(script))).toEqual([]);
});

test('every lockfile is audited, and the release checks signatures before an install script runs', () => {
  const { jobs }: Workflow = parse(read('.github/workflows/packages.yml'));
  const { strategy, steps } = jobs.audit ?? { steps: [] };
  const lockfiles = globSync('{,bench/,test/package/tools/,examples/*/}package-lock.json', { cwd: root });

  // npm makes the lockfiles of the examples; git does not have them.
  expect(strategy?.matrix.folder?.toSorted()).toEqual(
    lockfiles
      .filter((path) => !path.startsWith('examples/'))
      .map(dirname)
      .toSorted(),
  );
  expect(commandsOf(steps)).toEqual([
    'npm ci --ignore-scripts',
    'npm audit signatures',
    'npm audit --audit-level=high',
  ]);
  const release: Workflow = parse(read('.github/workflows/release.yml'));
  expect(commandsOf(release.jobs.build?.steps ?? []).slice(1, 5)).toEqual([
    'npm ci --ignore-scripts',
    'npm audit signatures',
    'npm rebuild',
    'npm test',
  ]);
});

function commandsOf(steps: readonly Step[]): string[] {
  return steps.flatMap(({ run }) => run ?? []);
}

test('one action has one version in all workflows', () => {
  const pins = new Map<string, Set<string>>();
  for (const [, action = '', commit = ''] of workflows
    .map(read)
    .join('\n')
    .matchAll(/uses: ([\w-]+\/[\w-]+)\S*@(.+)$/gm)) {
    pins.set(action, (pins.get(action) ?? new Set()).add(commit));
  }

  expect([...pins].filter(([, commits]) => commits.size > 1)).toEqual([]);
});

test('dependabot keeps packages and actions up to date, once a week', () => {
  const { updates } = parse(read('.github/dependabot.yml'));
  const kinds = updates.map((update: Record<string, unknown>) => [update['package-ecosystem'], update.schedule]);

  expect(kinds).toEqual([
    ['npm', { interval: 'weekly' }],
    ['github-actions', { interval: 'weekly' }],
  ]);
});

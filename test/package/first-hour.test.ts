// Runs the commands of docs/first-hour.md in their order, as printed, and compares what they print.
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { canType, typeTo } from '../support/cli/typing.ts';
import { proof } from '../support/counts.ts';
import { type BackgroundCommand, startInBackground } from '../support/sessions/background.ts';
import { type Comparison, startComparison } from '../support/sessions/compare.ts';
import { readSessions, type Step } from '../support/sessions/page.ts';
import { openShell, type Shell } from '../support/sessions/shell.ts';
import { copyClone } from './clone.ts';
import { type DeployedBroker, startDeployedBroker } from './deployed-broker.ts';
import { base } from './process.ts';
import type { Project } from './project.ts';
import { root } from './tarball.ts';

// Each command is a new process, and a machine that runs tests is busy.
vi.setConfig({ testTimeout: 120_000 });

/** What cannot run here, and why. */
const notRun: Readonly<Record<string, string>> = {
  clone: 'needs the network; the test has a copy of the repository and the packages that are installed',
  prepare: 'needs an AWS account',
  deploy: 'needs an AWS account; the test writes the file of outputs of a broker on this machine',
  topic: 'needs an AWS account',
  alarm: 'needs an AWS account',
  ...(proof
    ? {}
    : { synth: 'takes long; `npm test` has it as its last step, and test/package/clone.test.ts in a clone' }),
};

const sessions = readSessions('docs/first-hour.md');
let folder: string;
let clone: Project;
let firstShell: BackgroundCommand | undefined;
let broker: DeployedBroker | undefined;
let shell: Shell | undefined;
let comparison: Comparison;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'first-hour-'));
  clone = await copyClone(folder, 'fegora-token-broker');
  await symlink(join(root, 'node_modules'), join(clone.folder, 'node_modules'));
});
afterAll(async () => {
  await Promise.all([shell?.close(), firstShell?.interrupt(), broker?.close()]);
  await rm(folder, { recursive: true });
});

/** A reader opens a shell at the start of each half of the page. */
async function openHalf(variables: Readonly<Record<string, string>>): Promise<void> {
  await shell?.close();
  comparison = startComparison();
  shell = openShell(clone.folder, { ...base, ...variables });
}

async function startFirstShell(steps: readonly Step[]): Promise<void> {
  await openHalf({});
  const [{ command, output } = { command: '', output: '' }] = steps;
  firstShell = startInBackground(command, clone.folder, base);
  await firstShell.says('time, caller, account');
  // Another run on this machine may have the port 4780. Then a line says so.
  comparison.expectPrinted(firstShell.output().replace(/^ {2}port .*\n/m, ''), output);
}

/** Compares the latest lines of the local run with those of the page. A line comes by a pipe of its own, so it may be late. */
async function lookAtFirstShell(printed: string): Promise<void> {
  const count = printed.trim().split('\n').length;
  await vi.waitFor(
    () => {
      const [, ...lines] = (firstShell?.output() ?? '').split(/\n(?=\d\d:\d\d:\d\d {2})/);
      comparison.expectPrinted(lines.slice(-count).join('\n'), printed);
    },
    { timeout: 20_000 },
  );
}

async function deploy(): Promise<void> {
  await firstShell?.interrupt();
  broker = await startDeployedBroker();
  await clone.write({ 'cdk-outputs.json': broker.outputs });
  await openHalf(broker.variables);
}

/** A person types user and password. They are those that the simulator knows. */
async function typeCredentials({ command, output }: Step): Promise<void> {
  const { user = '', password = '', variables = {} } = broker ?? {};
  const answers = [
    ['Username: ', `${user}\r`],
    ['(not shown): ', `${password}\r`],
    ['[Y/n] ', 'y\r'],
  ] as const;
  const options = { env: { ...base, ...variables, TERM: 'dumb' }, cwd: clone.folder };
  const { shown, code } = await typeTo(['bash', '-c', command], answers, options);
  expect([code, shown.includes(password)]).toEqual([0, false]);
  // A command that was told another address than that of AWS says so.
  const printed = shown.replaceAll('\r', '').replace(/, through http:\S+/, '');
  comparison.expectPrinted(printed, output.replace(/(?<=Username: ).*/, user));
}

const special: Readonly<Record<string, (steps: readonly Step[]) => Promise<void>>> = {
  start: startFirstShell,
  deploy,
  credentials: async ([step]) => {
    if (step !== undefined && canType) {
      await typeCredentials(step);
      return;
    }
    console.log('python3: not on this machine, so the credentials were not typed.');
    broker?.setCredentials();
  },
};

const run = sessions.filter(({ name }) => notRun[name] === undefined || special[name] !== undefined);

test.each(run.map((session) => [session.name, session] as const))(
  'the session %s of docs/first-hour.md prints what the page says',
  async (name, { steps, printed }) => {
    if (printed !== '') {
      await lookAtFirstShell(printed);
    }
    if (special[name] !== undefined) {
      await special[name](steps);
      return;
    }
    for (const { command, output } of steps) {
      comparison.expectPrinted((await shell?.run(command)) ?? '', output);
    }
  },
);

test('the page has the sessions that the test knows, and each that it does not run says why here', () => {
  const names = sessions.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(Object.keys(notRun).filter((name) => !names.includes(name))).toEqual([]);
  expect(run.length).toBeGreaterThan(11);
});

// Runs a command of the command line in this process, with an environment of its own. Used by test/scenario/cli.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { runCommand } from '../../../cli/program.ts';
import type { Terminal } from '../../../cli/terminal.ts';
import type { SigningKeys } from '../../../local/gateway/sigv4.ts';

/** The exit code, and the lines of both outputs. */
export interface CommandResult {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** What a command meets. */
export interface CommandOptions {
  readonly keys?: SigningKeys;
  /** Answers to questions, of a person at a terminal. */
  readonly typed?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs command lines whose home folder is empty, so that the SDK finds only what a test sets. */
export interface CommandLine {
  readonly run: (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** Writes a file and returns its path. Each content needs its own name: the SDK reads a path only once. */
  readonly write: (name: string, content: string | Buffer) => Promise<string>;
  readonly close: () => Promise<void>;
}

const unset = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_ENDPOINT_URL',
  'INIT_CWD',
];

/** Creates the home folder. */
export async function createCommandLine(): Promise<CommandLine> {
  const home = await mkdtemp(join(tmpdir(), 'broker-home-'));
  const write = async (name: string, content: string | Buffer) => {
    await writeFile(join(home, name), content);
    return join(home, name);
  };
  return { run, write, close: () => rm(home, { recursive: true }) };

  async function run(args: readonly string[], { keys, typed, env = {} }: CommandOptions = {}): Promise<CommandResult> {
    for (const name of [...unset, ...Object.keys(process.env).filter((one) => /^npm_/i.test(one))]) {
      vi.stubEnv(name, undefined);
    }
    const ofKeys = keys && { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey };
    const session: Record<string, string> = keys?.sessionToken ? { AWS_SESSION_TOKEN: keys.sessionToken } : {};
    for (const [name, value] of Object.entries({
      HOME: home,
      AWS_EC2_METADATA_DISABLED: 'true',
      ...ofKeys,
      ...session,
      ...env,
    })) {
      vi.stubEnv(name, value);
    }
    const out: string[] = [];
    const err: string[] = [];
    try {
      const code = await runCommand(args, terminalOf(out, err, typed && [...typed]));
      return { code, out, err };
    } finally {
      vi.unstubAllEnvs();
    }
  }
}

function terminalOf(out: string[], err: string[], typed: string[] | undefined): Terminal {
  const ask = async (question: string) => {
    err.push(question);
    return typed?.shift() ?? '';
  };
  return {
    isInteractive: typed !== undefined,
    print: (text) => out.push(text),
    note: (text) => err.push(text),
    ask,
    askHidden: ask,
  };
}

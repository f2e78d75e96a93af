// Runs commands for the tests of this folder, without what the machine of the developer has set.
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { promisify } from 'node:util';

/** Variables of a process. */
export type Variables = Readonly<Record<string, string>>;

/** The variables of every command: this Node first, no profile of AWS, no cache of npm, nothing from the internet. */
export const base: Variables = {
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  HOME: tmpdir(),
  npm_config_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  CDK_DISABLE_CLI_TELEMETRY: 'true',
};

/**
 * Runs a command and returns its standard output.
 *
 * @throws Error with all that the command printed, if it fails
 */
export async function runIn(
  folder: string,
  command: string,
  args: readonly string[],
  variables: Variables = {},
): Promise<string> {
  try {
    const options = { cwd: folder, env: { ...base, ...variables }, maxBuffer: 64 * 1024 * 1024 };
    return (await promisify(execFile)(command, args, options)).stdout;
  } catch (thrown) {
    const { stdout, stderr } = { stdout: '', stderr: '', ...Object(thrown) };
    throw new Error(`${[command, ...args].join(' ')} failed:\n${stdout}\n${stderr}`, { cause: thrown });
  }
}

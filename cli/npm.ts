// What npm does to a command line: it keeps options for itself, and changes the folder. Called by program.ts and target.ts.
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { CommandError, exitCodes } from './failure.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What people call a stage or an account with other programs. The program has no such options, so it cannot refuse what npm kept. */
const ofOthers = ['--stage', '--context', '--env', '--account'];

/** Options that npm has too. npm sets their variables also for other reasons: `npm_config_yes` is common in CI. */
const ownOfNpm: ReadonlySet<string> = new Set(['--yes', '--version']);

/**
 * Without `--`, npm takes the options for its own configuration, and PowerShell takes that `--` away. The command would then act
 * on another stage, or in another way, than the operator wrote. npm passes what it took in variables such as
 * `npm_config_outputs`.
 *
 * @param args the arguments that have arrived; an option among them was not taken
 * @throws CommandError that says how to write the command
 * @see https://github.com/npm/cli/issues/4903
 */
export function refuseTaken(program: Command, args: readonly string[], env: Environment): void {
  const options = longOptions(program);
  const taken = [...options.filter((option) => isTaken(option, args, env)), ...mistypedTaken(options, env)];
  if (taken.length > 0) {
    const command = program.name();
    const base = command.replace(/ --$/, '');
    const kept = taken.join(' ');
    const text = `npm kept ${kept} for itself, so nothing was done. Write: ${base} -- <command> ${kept} …`;
    throw new CommandError(exitCodes.usage, `${text} In PowerShell, with quotes: ${base} '--' …`);
  }
}

function longOptions(command: Command): string[] {
  const own = command.options.map(({ long }) => long ?? '').filter((long) => long !== '' && !ownOfNpm.has(long));
  return [...new Set([...own, ...command.commands.flatMap(longOptions)])];
}

function isTaken(option: string, args: readonly string[], env: Environment): boolean {
  const name = option.replace(/^--(no-)?/, '');
  const value = env[`npm_config_${name.replaceAll('-', '_')}`];
  // npm has false, an empty text, for `--no-verify`.
  const isThisOne = value !== undefined && (name !== 'verify' || option.startsWith('--no-') === (value === ''));
  return isThisOne && !args.some((arg) => arg.replace(/=.*$/, '').replace(/^--no-/, '--') === `--${name}`);
}

/**
 * Returns what npm kept and the program would have refused: `--profil=prod`, `--outputs-file=x.json`, `--stage=prod`, and
 * `-c stage=prod` of the CDK, which npm takes for its own `--call`.
 */
function mistypedTaken(options: readonly string[], env: Environment): readonly string[] {
  const known = [...options, ...ofOthers];
  const kept = Object.keys(env).map((name) => name.replace('npm_config_', '--').replaceAll('_', '-'));
  const mistyped = kept.filter(
    (one) => !options.includes(one) && known.some((option) => one.startsWith(option) || isStartOf(one, option)),
  );
  return /^\w+=\S*$/.test(env.npm_config_call ?? '') ? [...mistyped, '-c'] : mistyped;
}

/** Shorter ones can be npm's: `npm_config_user`. */
function isStartOf(kept: string, option: string): boolean {
  return kept.length > 6 && option.startsWith(kept);
}

/**
 * Returns the path of a file that the operator named. npm runs a script in the folder of package.json, so a path that was
 * typed after `npm run` is meant from where the operator stands.
 *
 * @param option the option that named it: a path that stands in the script of package.json is meant from there
 * @param cwd the folder of the process
 */
export function namedPath(file: string, option: string, env: Environment, cwd: string): string {
  const { INIT_CWD: from, npm_package_json: manifest, npm_lifecycle_script: script = '' } = env;
  const isTyped = from !== undefined && manifest !== undefined && dirname(manifest) === cwd && !script.includes(option);
  // Where both folders are the same, the path stays as it was typed.
  return isTyped && from !== cwd ? resolve(from, file) : file;
}

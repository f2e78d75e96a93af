// What is checked before any command does something. Called by program.ts.
import type { Command } from 'commander';
import { checkConfigured } from './aws/endpoints.ts';
import { checkProfile } from './aws/profile.ts';
import { profileOfEnvironment } from './environment.ts';
import { CommandError, exitCodes } from './failure.ts';
import type { TargetOptions } from './target.ts';

/** @throws CommandError if the environment, the profile or an option would make the command act on what was not meant */
export async function prepare({ profile = profileOfEnvironment(), allowEndpoint }: TargetOptions): Promise<void> {
  await checkProfile(profile);
  await checkConfigured(profile, allowEndpoint ?? []);
}

/** @throws CommandError if an option or an argument is an empty text: that of a shell variable that is not set */
export function refuseEmpty(command: Command): void {
  const given: Readonly<Record<string, unknown>> = command.optsWithGlobals();
  const options = [command, command.parent, command.parent?.parent].flatMap((one) => one?.options ?? []);
  const option = options.find((one) => given[one.attributeName()] === '')?.long;
  const empty = option ?? (command.args.includes('') ? 'an argument' : undefined);
  if (empty !== undefined) {
    const text = `${empty} is empty; leave it out, or set the shell variable that it comes from`;
    throw new CommandError(exitCodes.usage, text);
  }
}

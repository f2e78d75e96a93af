// What is checked before any command does something. Called by program.ts.
import { checkConfigured } from './endpoints.ts';
import { environment } from './environment.ts';
import { checkProfile } from './profile.ts';
import type { TargetOptions } from './target.ts';

/** @throws CommandError if the environment, the profile or an option would make the command act on what was not meant */
export async function prepare({ profile = environment.AWS_PROFILE, allowEndpoint }: TargetOptions): Promise<void> {
  await checkProfile(profile);
  await checkConfigured(profile, allowEndpoint ?? []);
}

// The variables that the command line reads itself. Used by the files of cli/.

// biome-ignore lint/style/noProcessEnv: the only place of the command line that reads variables itself
export const environment = process.env;

/** The profile that the environment names. An empty variable names none, as for the SDK. */
export function profileOfEnvironment(): string | undefined {
  return environment.AWS_PROFILE || undefined;
}

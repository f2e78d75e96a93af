// Reads an environment variable of an example function. Called by the handlers beside it.
/**
 * Returns the value of a variable.
 *
 * @throws Error with the name of the variable if it is not set
 */
export function variable(name: string): string {
  // biome-ignore lint/style/noProcessEnv: an example function gets its settings only from its environment
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`the variable ${name} is not set: add it to the environment of the function`);
  }
  return value;
}

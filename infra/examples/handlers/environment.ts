/**
 * A variable that the stack has set.
 *
 * @throws Error naming it where it has not
 */
export function variable(name: string): string {
  // biome-ignore lint/style/noProcessEnv: an example of a calling function, which has no other way to be told
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set`);
  }
  return value;
}

// The environment variables of a caller of the local run. Called by report.ts and start.ts.
import { writeFileSync } from 'node:fs';
import type { LocalRun } from './local-run.ts';
import { SettingRefused } from './settings.ts';

/**
 * Returns what a caller with rights on every account has in its environment: what `createTokenClient()` and the command
 * line read, `BROKER_URL` of the documentation, and the origin of the simulator.
 */
export function callerVariables({ gateway, callers, settings, simulator }: LocalRun): ReadonlyMap<string, string> {
  const { accessKeyId, secretAccessKey } = callers.all;
  return new Map([
    ['FEGORA_BROKER_ENDPOINT', gateway.url],
    ['FEGORA_BROKER_ACCOUNT', settings.defaultAccount],
    ['BROKER_URL', gateway.url],
    ...(simulator === undefined ? [] : [['FEGORA_ORIGIN', simulator.origin] as const]),
    ['AWS_REGION', settings.region],
    ['AWS_ACCESS_KEY_ID', accessKeyId],
    ['AWS_SECRET_ACCESS_KEY', secretAccessKey],
  ]);
}

/** The commands that set the variables in a shell. A profile or a session of the shell would win over the keys. */
export function exportLines(variables: ReadonlyMap<string, string>, platform = process.platform): readonly string[] {
  if (platform === 'win32') {
    const set = Array.from(variables, ([name, value]) => `$env:${name}='${value}'`);
    return ['Remove-Item Env:AWS_PROFILE, Env:AWS_SESSION_TOKEN -ErrorAction Ignore', set.join('; ')];
  }
  const set = Array.from(variables, ([name, value]) => `${name}=${value}`);
  return ['unset AWS_PROFILE AWS_SESSION_TOKEN', `export ${set.join(' ')}`];
}

/**
 * Writes the variables into a file that `node --env-file`, `docker run --env-file` and `.` of a shell read.
 *
 * @throws SettingRefused if the file cannot be written
 */
export function writeVariables(variables: ReadonlyMap<string, string>, file: string): void {
  const lines = Array.from(variables, ([name, value]) => `${name}=${value}\n`);
  try {
    // Only its owner may read it. That is the rule for keys, also for those of the local run.
    writeFileSync(file, lines.join(''), { mode: 0o600 });
  } catch (cause) {
    throw new SettingRefused(`--write-env: the file cannot be written (${Object(cause).code}).`, { cause });
  }
}

// The environment variables of a caller of the local run. Called by report.ts and start.ts.
import { closeSync, fchmodSync, fstatSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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
 * @throws SettingRefused if the file cannot be written, or has something else in it than an earlier local run wrote
 */
export function writeVariables(variables: ReadonlyMap<string, string>, file: string): void {
  const lines = Array.from(variables, ([name, value]) => `${name}=${value}\n`);
  const [first = ''] = variables.keys();
  try {
    refuseOther(file, first);
    writePrivate(file, lines.join(''));
  } catch (cause) {
    if (cause instanceof SettingRefused) {
      throw cause;
    }
    throw new SettingRefused(`--write-env: the file cannot be written (${Object(cause).code}).`, { cause });
  }
}

/** The file may be the `.env` of a project. A pipe or a device has nothing to lose. */
function refuseOther(file: string, first: string): void {
  const isFile = statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  const content = isFile ? readFileSync(file, 'utf8') : '';
  if (content !== '' && !content.startsWith(first)) {
    const text = 'the file has something else in it, so it stays as it was. Name another file.';
    throw new SettingRefused(`--write-env: ${text}`);
  }
}

/**
 * Only its owner may read the file. That is the rule for keys, also for those of the local run. The mode of `openSync` is
 * only for a new file, so a file that is there gets its mode before the keys. A pipe or a device keeps its own.
 */
function writePrivate(file: string, text: string): void {
  const descriptor = openSync(file, 'w', 0o600);
  try {
    if (fstatSync(descriptor).isFile()) {
      fchmodSync(descriptor, 0o600);
    }
    writeFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

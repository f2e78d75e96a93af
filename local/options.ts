// Reads the command line of `npm start`. Called by start.ts.
import { isIPv4 } from 'node:net';
import { parseArgs } from 'node:util';
import type { Environment } from '../lambda/config.ts';
import { SettingRefused } from './settings.ts';

/** The port of the gateway, unless it is in use or `--port` names another. IANA has assigned it to no service. */
export const defaultPort = 4780;

/** What `--help` prints. */
export const usage = `Runs the token broker on this machine, without an AWS account.

  npm start -- [options]

  --once              make the first call and exit
  --watch             load the function again after each change of a file in lambda/; servers, keys and table stay
  --port <n>          port of the gateway (default: ${defaultPort}, or any free port if it is in use or with --once)
  --listen <address>  let containers call the gateway as host.docker.internal: it also listens on this IPv4 address of
                      the machine, such as that of Docker's bridge (172.17.0.1), or with Docker Desktop on 127.0.0.1
  --write-env <file>  write the variables of a caller to the file, for node --env-file and docker run --env-file
  --show-token        print the token of the first call
  --quiet             print no line for each call, warm-up and reload
  --verbose           print the function's log and metrics to standard error
  --only-broker       use a Fegora on another machine with a table on this one: no other broker logs in as the same users
  --help              print this help

Set FEGORA_TOKEN_URL, AWS_ENDPOINT_URL_SECRETS_MANAGER or AWS_ENDPOINT_URL_DYNAMODB to use another service instead of the
built-in one. If one of the two AWS endpoints is on another machine, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY too
(and AWS_SESSION_TOKEN, if you have one): a profile is not read. The function's own settings (FEGORA_ACCOUNTS, ...) work
as in AWS.
`;

/** The options of the command line. */
export interface Options {
  readonly once: boolean;
  readonly watch: boolean;
  readonly port: number;
  /** Whether another port will do, because the command line names none. */
  readonly orAnyFree: boolean;
  /** Where the gateway listens for containers. */
  readonly address: string | undefined;
  readonly envFile: string | undefined;
  readonly showToken: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly isOnlyBroker: boolean;
}

const flag = { type: 'boolean', default: false } as const;
const optionTypes = {
  once: flag,
  watch: flag,
  port: { type: 'string' },
  listen: { type: 'string' },
  'write-env': { type: 'string' },
  'show-token': flag,
  quiet: flag,
  verbose: flag,
  'only-broker': flag,
  help: flag,
} as const;

/** @throws SettingRefused for a value that an option does not take, and the error of `parseArgs` for an unknown option */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({ args: [...args], options: optionTypes });
  const { once, watch, quiet, verbose, listen, 'write-env': envFile } = values;
  const { 'show-token': showToken, 'only-broker': isOnlyBroker } = values;
  const ports = { port: readPort(values.port ?? String(once ? 0 : defaultPort)), orAnyFree: values.port === undefined };
  const address = readAddress(listen);
  return values.help ? 'help' : { once, watch, ...ports, address, envFile, showToken, quiet, verbose, isOnlyBroker };
}

/**
 * npm keeps options without `--` before them, and PowerShell takes that `--` away. Without this check, `npm start --once`
 * would run until Ctrl-C.
 *
 * @param args the arguments that npm passed on
 * @throws SettingRefused naming the options that npm has kept for itself
 */
export function refuseKeptByNpm(env: Environment, args: readonly string[]): void {
  const kept = Object.entries(optionTypes).flatMap(([name, { type }]) => {
    const value = env[`npm_config_${name.replaceAll('-', '_')}`];
    return value === undefined ? [] : [{ name, value: type === 'boolean' ? undefined : value }];
  });
  if (kept.length > 0) {
    const without = kept.filter(({ value }) => isMissing(value));
    // Of `--port 8`, npm keeps `--port` and passes `8` on. With two such options, their order is lost.
    const passedOn = without.length === 1 && args.length === 1 ? args[0] : undefined;
    const options = kept
      .map(({ name, value }) =>
        value === undefined ? `--${name}` : `--${name} ${quoted(isMissing(value) ? passedOn : value)}`,
      )
      .join(' ');
    throw new SettingRefused(
      `npm kept ${options} for itself. Write: npm start -- ${options}. In PowerShell: npm start '--' ${options}.`,
    );
  }
}

/** What npm gives to an option that has no value. */
function isMissing(value: string | undefined): boolean {
  return value === 'true' || value === '';
}

function quoted(value = '<value>'): string {
  return /^[\w./:<>\\-]+$/.test(value) ? value : `'${value}'`;
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) {
    throw new SettingRefused('--port takes a number from 0 to 65535.');
  }
  return port;
}

/** All addresses at once would let every machine of the network call. */
function readAddress(text: string | undefined): string | undefined {
  if (text !== undefined && (!isIPv4(text) || text === '0.0.0.0')) {
    throw new SettingRefused('--listen takes one IPv4 address of this machine, such as 172.17.0.1, and not 0.0.0.0.');
  }
  return text;
}

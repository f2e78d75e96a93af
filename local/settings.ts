// Reads the settings of the local run from the environment. Called by local-run.ts.
import { isRegion } from '../client/endpoint.ts';
import { type Config, type Environment, parseConfig, variables } from '../lambda/config.ts';
import { isLoopback } from './loopback.ts';

/** The settings of the local run. Missing ones have defaults. */
export interface LocalSettings {
  readonly env: Environment;
  readonly config: Config;
  readonly defaultAccount: string;
  readonly region: string;
  /** URLs of the services that the environment names. The others are built in. */
  readonly given: { readonly tokenUrl?: string; readonly secretsUrl?: string; readonly tableUrl?: string };
}

/** The URLs of the services. */
export interface ServiceUrls {
  readonly tokenUrl: string;
  readonly secretsUrl: string;
  readonly tableUrl: string;
  /** Absent without open accounts. */
  readonly queueUrl?: string;
}

/** A setting that cannot work in the local run. The message says to the user what to change. */
export class SettingRefused extends Error {}

const secretsVariable = 'AWS_ENDPOINT_URL_SECRETS_MANAGER';
/** The SDK's variable for the URL of DynamoDB. */
export const tableVariable = 'AWS_ENDPOINT_URL_DYNAMODB';
const keyVariables = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
/** What the names of secrets of open accounts begin with. The command line has it too (cli/target.ts). */
const openPrefix = 'fegora/';
/** `main` is the account of the README, and the default account because it is the first. */
const demoAccounts = JSON.stringify(
  Object.fromEntries(['main', 'demo-a', 'demo-b'].map((account) => [account, `fegora/${account}`])),
);

/**
 * Reads the settings as the function does, and adds the defaults of the local run.
 *
 * @param isOnlyBroker whether the user says that no other broker logs in as the same Fegora users
 * @throws SettingRefused naming the variable, never its value
 */
export function readSettings(env: Environment, isOnlyBroker = false): LocalSettings {
  const { [variables.tokenUrl]: tokenUrl, [secretsVariable]: secretsUrl, [tableVariable]: tableUrl } = env;
  refuseMalformed(env);
  refuseWithoutTls(env);
  if (tokenUrl && !secretsUrl && !isLoopback(tokenUrl)) {
    throw new SettingRefused(
      `${variables.tokenUrl} is on another machine, and the built-in credentials are not real: set ${secretsVariable} too.`,
    );
  }
  if (tokenUrl && !isLoopback(tokenUrl) && !isOnlyBroker) {
    refuseLocalTable(tableUrl);
  }
  const parsed = parseConfig(withDefaults(env, tokenUrl || 'http://127.0.0.1/token'));
  if ('faults' in parsed) {
    throw new SettingRefused(parsed.faults.map(({ variable, problem }) => `${variable} ${problem}.`).join('\n'));
  }
  refuseOtherPrefix(parsed.config, secretsUrl);
  refuseWithoutKeys(env);
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';
  if (!isRegion(region)) {
    throw new SettingRefused('AWS_REGION or AWS_DEFAULT_REGION is not a region of AWS. Set one, such as us-east-1.');
  }
  const { config } = parsed;
  const [firstAccount = ''] = config.accounts.keys();
  return {
    env,
    config,
    defaultAccount: config.defaultAccount ?? firstAccount,
    region,
    given: { ...(tokenUrl && { tokenUrl }), ...(secretsUrl && { secretsUrl }), ...(tableUrl && { tableUrl }) },
  };
}

/** The command line makes the secrets of open accounts in the emulator there. */
function refuseOtherPrefix({ openAccounts, secretPrefix }: Config, secretsUrl: string | undefined): void {
  if (openAccounts && secretPrefix !== openPrefix && !secretsUrl) {
    throw new SettingRefused(`${variables.secretPrefix} must be ${openPrefix} with open accounts: unset it.`);
  }
}

function refuseMalformed(env: Environment): void {
  const malformed = [variables.tokenUrl, secretsVariable, tableVariable].filter(
    (name) => env[name] && !/^https?:$/.test(URL.parse(env[name])?.protocol ?? ''),
  );
  if (malformed.length > 0) {
    throw new SettingRefused(
      malformed
        .map((name) => `${name} is not an http or https URL. Set it to one, such as http://127.0.0.1:8000.`)
        .join('\n'),
    );
  }
}

/** The session token and what is read would go through the network in clear. The function has this check for Fegora only. */
function refuseWithoutTls(env: Environment): void {
  const open = [secretsVariable, tableVariable].find(
    (name) => URL.parse(env[name] ?? '')?.protocol === 'http:' && !isLoopback(String(env[name])),
  );
  if (open !== undefined) {
    throw new SettingRefused(`${open} is on another machine without TLS: use https, or unset it.`);
  }
}

/** Two brokers with two tables do not see the logins of each other. */
function refuseLocalTable(tableUrl: string | undefined): void {
  if (!tableUrl || isLoopback(tableUrl)) {
    const why =
      'two brokers with two tables could log in as one user at once, after which Fegora may refuse all its logins';
    const advice = 'use the simulator, or give --only-broker if no other broker logs in as these users';
    throw new SettingRefused(
      `${variables.tokenUrl} is on another machine and the table is on this one: ${why}; ${advice}.`,
    );
  }
}

/** As in AWS, the function takes its keys from these variables only. It does not read a profile. */
function refuseWithoutKeys(env: Environment): void {
  const elsewhere = [secretsVariable, tableVariable].find((name) => env[name] && !isLoopback(env[name]));
  const missing = keyVariables.filter((name) => !env[name]);
  if (elsewhere !== undefined && missing.length > 0) {
    const advice = `set ${missing.join(' and ')} (a profile is not read)`;
    throw new SettingRefused(`${elsewhere} is on another machine, which needs real keys: ${advice}.`);
  }
}

function withDefaults(env: Environment, tokenUrl: string): Environment {
  return {
    ...env,
    [variables.tokenUrl]: tokenUrl,
    [variables.allowHttpLoopback]: '1',
    [variables.accounts]: env[variables.accounts] ?? demoAccounts,
    [variables.tableName]: env[variables.tableName] ?? 'fegora-tokens',
    ...(env[variables.openAccounts] !== undefined && {
      [variables.secretPrefix]: env[variables.secretPrefix] ?? openPrefix,
    }),
  };
}

/** The environment variables of the function. */
export function functionEnv({ env, defaultAccount, region }: LocalSettings, urls: ServiceUrls): Environment {
  return {
    ...withDefaults(env, urls.tokenUrl),
    [variables.defaultAccount]: defaultAccount,
    [secretsVariable]: urls.secretsUrl,
    [tableVariable]: urls.tableUrl,
    ...(urls.queueUrl !== undefined && { [variables.warmupQueue]: urls.queueUrl }),
    AWS_REGION: region,
    AWS_LAMBDA_FUNCTION_NAME: 'fegora-token-broker',
    ...(isLoopback(urls.secretsUrl) && isLoopback(urls.tableUrl) && emulatorKeys),
  };
}

/** Emulators need some keys. They must not get real ones. */
const emulatorKeys: Environment = {
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
};

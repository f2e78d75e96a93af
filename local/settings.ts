import { type Config, type Environment, parseConfig, variables } from '../lambda/config.ts';
import { isLoopback } from './loopback.ts';

/** What the local run is told, or makes up where it is told nothing. */
export interface LocalSettings {
  readonly env: Environment;
  readonly config: Config;
  readonly defaultAccount: string;
  readonly region: string;
  /** Where a part is that is not built in. */
  readonly given: { readonly tokenUrl?: string; readonly secretsUrl?: string; readonly tableUrl?: string };
}

/** Where the parts are. */
export interface ServiceUrls {
  readonly tokenUrl: string;
  readonly secretsUrl: string;
  readonly tableUrl: string;
}

/** A setting that the local run does not take. The message is for the person who set it. */
export class SettingRefused extends Error {}

const secretsVariable = 'AWS_ENDPOINT_URL_SECRETS_MANAGER';
/** Where DynamoDB is, as the SDK names the variable. */
export const tableVariable = 'AWS_ENDPOINT_URL_DYNAMODB';
const keyVariables = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
const madeUpAccounts = JSON.stringify({ 'demo-a': 'fegora/demo-a', 'demo-b': 'fegora/demo-b' });

/** Reads the settings as the function would. @throws SettingRefused */
export function readSettings(env: Environment): LocalSettings {
  const { [variables.tokenUrl]: tokenUrl, [secretsVariable]: secretsUrl, [tableVariable]: tableUrl } = env;
  refuseMalformed(env);
  if (tokenUrl && !secretsUrl && !isLoopback(tokenUrl)) {
    throw new SettingRefused(
      `${variables.tokenUrl} leads to another machine, and the built-in credentials are made up: set ${secretsVariable} too.`,
    );
  }
  const parsed = parseConfig(withDefaults(env, tokenUrl || 'http://127.0.0.1/token'));
  if ('faults' in parsed) {
    throw new SettingRefused(parsed.faults.map(({ variable, problem }) => `${variable} ${problem}.`).join('\n'));
  }
  refuseWithoutKeys(env);
  const { config } = parsed;
  const [firstAccount = ''] = config.accounts.keys();
  return {
    env,
    config,
    defaultAccount: config.defaultAccount ?? firstAccount,
    region: env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1',
    given: { ...(tokenUrl && { tokenUrl }), ...(secretsUrl && { secretsUrl }), ...(tableUrl && { tableUrl }) },
  };
}

function refuseMalformed(env: Environment): void {
  const malformed = [variables.tokenUrl, secretsVariable, tableVariable].filter(
    (name) => env[name] && !/^https?:$/.test(URL.parse(env[name])?.protocol ?? ''),
  );
  if (malformed.length > 0) {
    throw new SettingRefused(malformed.map((name) => `${name} is no http or https URL.`).join('\n'));
  }
}

/** As in AWS, the function has its keys from these variables alone: of a profile it knows nothing. */
function refuseWithoutKeys(env: Environment): void {
  const elsewhere = [secretsVariable, tableVariable].find((name) => env[name] && !isLoopback(env[name]));
  const missing = keyVariables.filter((name) => !env[name]);
  if (elsewhere !== undefined && missing.length > 0) {
    const advice = `set ${missing.join(' and ')} (a profile is not read)`;
    throw new SettingRefused(`${elsewhere} leads to another machine, which wants true keys: ${advice}.`);
  }
}

function withDefaults(env: Environment, tokenUrl: string): Environment {
  return {
    ...env,
    [variables.tokenUrl]: tokenUrl,
    [variables.allowHttpLoopback]: '1',
    [variables.accounts]: env[variables.accounts] ?? madeUpAccounts,
    [variables.tableName]: env[variables.tableName] ?? 'fegora-tokens',
  };
}

/** The environment of the function. */
export function functionEnv({ env, defaultAccount, region }: LocalSettings, urls: ServiceUrls): Environment {
  return {
    ...withDefaults(env, urls.tokenUrl),
    [variables.defaultAccount]: defaultAccount,
    [secretsVariable]: urls.secretsUrl,
    [tableVariable]: urls.tableUrl,
    AWS_REGION: region,
    AWS_LAMBDA_FUNCTION_NAME: 'fegora-token-broker',
    ...(isLoopback(urls.secretsUrl) && isLoopback(urls.tableUrl) && emulatorKeys),
  };
}

/** Emulators ask for some keys. True ones have no business with them. */
const emulatorKeys: Environment = {
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
};

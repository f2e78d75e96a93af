// Starts the servers that all processes of a test share. Used by stampede.ts and takeover.ts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GrantType } from '../../lambda/broker/ports.ts';
import type { Environment } from '../../lambda/config.ts';
import { type FegoraOptions, type FegoraSimulator, startFegoraSimulator } from '../../local/fegora/simulator.ts';
import { startSecretsManager } from '../../local/secrets-manager/server.ts';
import { startTable } from '../../local/table.ts';
import type { PartitionLimits } from '../fleet/partition.ts';
import { startThrottlingProxy, type ThrottlingProxy } from './throttling-proxy.ts';

/** The servers that all processes share. */
export interface Servers {
  readonly fegora: FegoraSimulator;
  readonly tableUrl: string;
  /** What the table was asked, if it has limits. */
  readonly requests: ThrottlingProxy['counts'] | undefined;
  /** A folder for temporary files. `close` removes it. */
  readonly folder: string;
  /** All environment variables of a process. */
  readonly env: Environment;
  readonly close: () => Promise<void>;
}

/** Fegora's options, and the limits of the table. */
export interface ServerOptions extends FegoraOptions {
  /** @default none */
  readonly limits?: PartitionLimits | undefined;
  /** @default `password` */
  readonly renewWith?: GrantType | undefined;
}

export const tableName = 'tokens';

/** Starts Fegora, Secrets Manager and the table. Each account has a user and a secret and has never logged in. */
export async function startServers(accounts: readonly string[], options: ServerOptions = {}): Promise<Servers> {
  const password = 'not-a-real-password';
  const users = Object.fromEntries(accounts.map((account) => [userOf(account), password]));
  const { limits, renewWith = 'password', ...ofFegora } = options;
  const fegora = await startFegoraSimulator({ accounts: users, ...ofFegora });
  const secrets = await startSecretsManager();
  const table = await startTable(tableName);
  const proxy = limits && (await startThrottlingProxy(table.url, limits));
  for (const account of accounts) {
    secrets.create(`fegora/${account}`, JSON.stringify({ username: userOf(account), password }));
  }
  const folder = await mkdtemp(join(tmpdir(), 'processes-'));
  const env = {
    // Dozens of processes load the same code, so they share what is compiled.
    NODE_COMPILE_CACHE: folder,
    FEGORA_TOKEN_URL: fegora.url,
    FEGORA_ALLOW_HTTP_LOOPBACK: '1',
    FEGORA_RENEW_WITH: renewWith,
    FEGORA_ACCOUNTS: JSON.stringify(Object.fromEntries(accounts.map((account) => [account, `fegora/${account}`]))),
    TOKEN_TABLE_NAME: tableName,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_ENDPOINT_URL_DYNAMODB: proxy?.url ?? table.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
  };
  const close = async () => {
    await Promise.all([
      fegora.close(),
      secrets.close(),
      proxy?.close(),
      table.close(),
      rm(folder, { recursive: true }),
    ]);
  };
  return { fegora, tableUrl: table.url, requests: proxy?.counts, folder, env, close };
}

export function userOf(account: string): string {
  return `user-${account}`;
}

import { type FegoraSimulator, startFegoraSimulator } from './fegora/simulator.ts';
import { isLoopback } from './loopback.ts';
import { type SecretsManager, startSecretsManager } from './secrets-manager/server.ts';
import { type LocalSettings, SettingRefused, tableVariable } from './settings.ts';
import { ensureTable, startTable } from './table.ts';

/** What stops when the local run ends. */
type Started = Pick<AsyncDisposableStack, 'defer'>;

/** Fegora: the one that is given, or the simulator with a user for each account. */
export async function startFegora({ given, config }: LocalSettings, started: Started) {
  if (given.tokenUrl !== undefined) {
    return { tokenUrl: given.tokenUrl };
  }
  const users = Array.from(config.accounts.keys(), madeUpUser);
  const accounts = Object.fromEntries(users.map(({ username, password }) => [username, password]));
  const simulator: FegoraSimulator = await startFegoraSimulator({ accounts, clientId: config.clientId });
  started.defer(simulator.close);
  return { tokenUrl: simulator.url, simulator };
}

/** Secrets Manager: the one that is given, or the emulator with a secret for each account. */
export async function startSecrets({ given, config, region }: LocalSettings, started: Started) {
  if (given.secretsUrl !== undefined) {
    return { secretsUrl: given.secretsUrl };
  }
  const secrets: SecretsManager = await startSecretsManager({ region });
  started.defer(secrets.close);
  for (const [account, secretId] of config.accounts) {
    secrets.create(secretId, JSON.stringify(madeUpUser(account)));
  }
  return { secretsUrl: secrets.url, secrets };
}

/** The table: where it is given, or an embedded one. Elsewhere than on this machine none is made. */
export async function startTokenTable({ given, config, region }: LocalSettings, started: Started) {
  if (given.tableUrl === undefined) {
    const table = await startTable(config.tableName);
    started.defer(table.close);
    return { tableUrl: table.url };
  }
  if (isLoopback(given.tableUrl)) {
    await ensureTable(given.tableUrl, config.tableName, region).catch(refuseTable);
  }
  return { tableUrl: given.tableUrl };
}

function refuseTable(cause: unknown): never {
  const { code, name } = Object(cause);
  const because = `no table can be found or made there (${code ?? name})`;
  throw new SettingRefused(`${tableVariable}: ${because}.`, { cause });
}

/** Good for nothing but the simulator. */
function madeUpUser(account: string): { readonly username: string; readonly password: string } {
  return { username: `user-of-${account}`, password: `not-a-real-password-of-${account}` };
}

// Starts each service that the environment does not name: Fegora, Secrets Manager, the table. Called by local-run.ts.

import { openAccountTag } from '../infra/resources/open-account-tag.ts';
import { type FegoraSimulator, startFegoraSimulator } from './fegora/simulator.ts';
import { isLoopback } from './loopback.ts';
import { type LocalQueue, startQueue } from './queue.ts';
import { type SecretsManager, startSecretsManager } from './secrets-manager/server.ts';
import { type LocalSettings, SettingRefused, tableVariable } from './settings.ts';
import { ensureTable, startTable } from './table.ts';

/** Takes the functions that stop the services when the local run ends. */
type Started = Pick<AsyncDisposableStack, 'defer'>;

/** Fegora: the URL from the environment, or a new simulator with one user for each account. */
export async function startFegora({ given, config }: LocalSettings, started: Started) {
  if (given.tokenUrl !== undefined) {
    return { tokenUrl: given.tokenUrl };
  }
  const users = [...config.accounts.keys(), ...(config.openAccounts ? usersToAdd : [])].map(fakeUser);
  const accounts = Object.fromEntries(users.map(({ username, password }) => [username, password]));
  const simulator: FegoraSimulator = await startFegoraSimulator({ accounts, clientId: config.clientId });
  started.defer(simulator.close);
  return { tokenUrl: simulator.url, simulator };
}

/** Secrets Manager: the URL from the environment, or a new emulator with one secret for each account. */
export async function startSecrets({ given, config, region }: LocalSettings, started: Started) {
  if (given.secretsUrl !== undefined) {
    return { secretsUrl: given.secretsUrl };
  }
  const listed = new Set(config.accounts.values());
  const secrets: SecretsManager = await startSecretsManager({
    region,
    // As the policy of the role that the stack makes: the listed secrets, and those with the tag.
    ...(config.openAccounts && {
      mayRead: ({ name, tags }) => listed.has(name) || tags.get(openAccountTag) === localStack,
    }),
  });
  started.defer(secrets.close);
  for (const [account, secretId] of config.accounts) {
    secrets.create(secretId, JSON.stringify(fakeUser(account)));
  }
  return { secretsUrl: secrets.url, secrets };
}

/**
 * The table: the URL from the environment, or an embedded DynamoDB. Creates the table on this machine only.
 *
 * @throws SettingRefused if the table cannot be found or created
 */
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
  const advice = 'check that DynamoDB answers at this URL';
  throw new SettingRefused(`${tableVariable}: no table can be found or created there; ${advice} (${code ?? name}).`, {
    cause,
  });
}

/** Accounts that do not exist at the start. The simulator has their users, so that they can be added. */
export const usersToAdd: readonly string[] = ['tienda-1', 'tienda-2'];

/** The value of the tag of open accounts, which is the name of the stack in AWS. The command line has it too (cli/target.ts). */
const localStack = 'local';

/** The queue of warm-ups: as in the stack, open accounts are kept warm while callers use them. */
export async function startWarmUpQueue({ config }: LocalSettings, started: Started) {
  if (!config.openAccounts) {
    return {};
  }
  const queue: LocalQueue = await startQueue();
  started.defer(queue.close);
  return { queue, queueUrl: queue.queueUrl };
}

/** A user that only the simulator accepts. */
function fakeUser(account: string): { readonly username: string; readonly password: string } {
  return { username: `user-of-${account}`, password: `not-a-real-password-of-${account}` };
}

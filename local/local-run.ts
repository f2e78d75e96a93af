// Starts the broker and all services around it on this machine. Called by start.ts, bench/load.ts and the tests.
import { aliases, type Environment } from '../lambda/config.ts';
import { startEnvironment } from './environment.ts';
import type { FegoraSimulator } from './fegora/simulator.ts';
import { type LocalCallers, localCallers } from './gateway/callers.ts';
import { type Gateway, startGateway } from './gateway/gateway.ts';
import type { SecretsManager } from './secrets-manager/server.ts';
import { startFegora, startSecrets, startTokenTable } from './services.ts';
import { functionEnv, type LocalSettings, readSettings, type ServiceUrls } from './settings.ts';

/** How the local run starts. */
export interface LocalRunOptions {
  /** The function's settings as in AWS, and `AWS_ENDPOINT_URL_*`. */
  readonly env: Environment;
  /** Whether no other broker logs in as the same users. A Fegora on another machine needs it, if the table is local. */
  readonly isOnlyBroker?: boolean;
  /** Port of the gateway. @default any free port */
  readonly port?: number;
  /** Called with each line of the function's log and metrics. */
  readonly onLog?: (line: string) => void;
}

/** The broker and all services around it, on this machine. */
export interface LocalRun extends ServiceUrls {
  readonly settings: LocalSettings;
  readonly gateway: Gateway;
  readonly callers: LocalCallers;
  /** Absent if the environment names a Fegora. */
  readonly simulator?: FegoraSimulator;
  /** Absent if the environment names a Secrets Manager. */
  readonly secrets?: SecretsManager;
  readonly close: () => Promise<void>;
}

/**
 * Starts the services that the environment does not name (Fegora, Secrets Manager, the table), then the function, then
 * the gateway in front of the function. All servers listen on the loopback interface only.
 *
 * @throws SettingRefused if a setting cannot work in the local run
 */
export async function startLocalRun(options: LocalRunOptions): Promise<LocalRun> {
  const { env, isOnlyBroker, port = 0, onLog = () => {} } = options;
  const settings = readSettings(env, isOnlyBroker);
  const { config, defaultAccount, region } = settings;
  const started = new AsyncDisposableStack();
  try {
    const services = {
      ...(await startFegora(settings, started)),
      ...(await startSecrets(settings, started)),
      ...(await startTokenTable(settings, started)),
    };
    const environment = startEnvironment(functionEnv(settings, services), onLog);
    started.defer(environment.stop);
    const callers = localCallers(defaultAccount);
    const gateway = await startGateway({
      handler: environment.handler,
      callers: Object.values(callers),
      aliases: aliasesOf(config.accounts.keys()),
      port,
      region,
    });
    started.defer(gateway.close);
    return { ...services, settings, gateway, callers, close: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

function aliasesOf(accounts: Iterable<string>): readonly string[] {
  const { http, warmup, admin, accountPrefix } = aliases;
  return [http, warmup, admin, ...Array.from(accounts, (account) => `${accountPrefix}${account}`)];
}

// Starts the broker and all services around it on this machine. Called by start.ts, bench/load.ts and the tests.
import { fileURLToPath } from 'node:url';
import { aliases, type Environment } from '../lambda/config.ts';
import { startEnvironment } from './environment.ts';
import type { FegoraSimulator } from './fegora/simulator.ts';
import { type LocalCallers, localCallers } from './gateway/callers.ts';
import { type Gateway, type GatewayOptions, startGateway } from './gateway/gateway.ts';
import { isLoopback } from './loopback.ts';
import type { LocalQueue } from './queue.ts';
import { type ReloadOptions, startReloading } from './reloading.ts';
import type { SecretsManager } from './secrets-manager/server.ts';
import { startFegora, startSecrets, startTokenTable, startWarmUpQueue } from './services.ts';
import { functionEnv, type LocalSettings, readSettings, type ServiceUrls, SettingRefused } from './settings.ts';

/** How the local run starts. */
export interface LocalRunOptions extends Pick<GatewayOptions, 'port' | 'orAnyFree' | 'address' | 'onCall'> {
  /** The function's settings as in AWS, and `AWS_ENDPOINT_URL_*`. */
  readonly env: Environment;
  /** Whether no other broker logs in as the same users. A Fegora on another machine needs it, if the table is local. */
  readonly isOnlyBroker?: boolean;
  /** Called with each line of the function's log and metrics. */
  readonly onLog?: (line: string) => void;
  /** If given, the function is loaded again after each change of its sources, and then this is called. @default never */
  readonly onReload?: ReloadOptions['onReload'] | undefined;
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
  /** Absent without open accounts. */
  readonly queue?: LocalQueue;
  readonly close: () => Promise<void>;
}

/** The sources of the function. */
const sources = fileURLToPath(new URL('../lambda/', import.meta.url));

/**
 * Starts the services that the environment does not name (Fegora, Secrets Manager, the table), then the function, then
 * the gateway in front of the function. All servers listen on the loopback interface only.
 *
 * @throws SettingRefused if a setting cannot work in the local run
 */
export async function startLocalRun(options: LocalRunOptions): Promise<LocalRun> {
  const { env, isOnlyBroker, onLog = () => {}, onReload, ...forGateway } = options;
  const settings = readSettings(env, isOnlyBroker);
  refuseRealTokens(settings, forGateway.address);
  const { config, defaultAccount, region } = settings;
  const started = new AsyncDisposableStack();
  try {
    const services = {
      ...(await startFegora(settings, started)),
      ...(await startSecrets(settings, started)),
      ...(await startTokenTable(settings, started)),
      ...(await startWarmUpQueue(settings, started)),
    };
    const start = () => startEnvironment(functionEnv(settings, services), onLog);
    const environment = onReload === undefined ? start() : startReloading({ start, folder: sources, onReload });
    started.defer(environment.stop);
    const callers = localCallers(defaultAccount);
    const gateway = await startGateway({
      handler: environment.handler,
      callers: Object.values(callers),
      aliases: aliasesOf(config.accounts.keys()),
      region,
      ...forGateway,
    });
    started.defer(gateway.close);
    return { ...services, settings, gateway, callers, close: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

/** Containers call without TLS, so a token that they get must be of no use. */
function refuseRealTokens({ given: { tokenUrl } }: LocalSettings, address: string | undefined): void {
  if (address !== undefined && tokenUrl !== undefined && !isLoopback(tokenUrl)) {
    const advice = 'run the container with --network host instead';
    throw new SettingRefused(
      `--listen is without TLS, and the tokens of a Fegora on another machine are real: ${advice}.`,
    );
  }
}

function aliasesOf(accounts: Iterable<string>): readonly string[] {
  const { http, warmup, admin, accountPrefix } = aliases;
  return [http, warmup, admin, ...Array.from(accounts, (account) => `${accountPrefix}${account}`)];
}

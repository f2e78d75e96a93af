// An execution environment: the real broker in a simulated process. Used by run.ts and test/soak.

import { createTokenTable } from '../../lambda/aws/token-table.ts';
import { createBroker } from '../../lambda/broker/broker.ts';
import type { Broker, TokenRequest } from '../../lambda/broker/contract.ts';
import type { Credentials, GrantType, Login, Observation, ReadCredentials } from '../../lambda/broker/ports.ts';
import { defaultLoginBudget } from '../../lambda/config.ts';
import { asBrokerError, BrokerError, type ErrorCode } from '../../lambda/errors.ts';
import { createLoginModel, type FegoraModel } from './fegora-model.ts';
import { sendRequest } from './network-request.ts';
import { clientId, type Oracle, tokenUrl } from './oracle.ts';
import type { Host, Simulation } from './simulation.ts';
import type { TableLink } from './table-link.ts';

/** One account: its user at Fegora, its secret in Secrets Manager and its oracle. */
export interface SimulatedAccount {
  readonly account: string;
  readonly fegora: FegoraModel;
  readonly secret: { versionId: string; password: string };
  readonly oracle: Oracle;
}

/** An execution environment: a process that runs the real broker. */
export interface ExecutionEnvironment {
  readonly host: Host;
  readonly broker: Broker;
  /** Makes one invocation that asks for a token. The oracle checks its answer. */
  readonly ask: (account: string, request?: Partial<TokenRequest>) => Promise<'served' | ErrorCode>;
}

export interface EnvironmentDependencies {
  readonly simulation: Simulation;
  readonly table: TableLink;
  /** By account. */
  readonly simulatedAccounts: ReadonlyMap<string, SimulatedAccount>;
  readonly random: () => number;
  /** What tokens are renewed with. @default `password` */
  readonly renewWith?: GrantType;
  /** Changes the login port, to remove a part of the protocol. */
  readonly tamperLogin?: (login: Login) => Login;
  readonly observe?: (observation: Observation) => void;
  /** Whether Secrets Manager is down now. */
  readonly isSecretDown?: () => boolean;
}

const invocationMs = 25_000;
const callMs = 3000;
const credentialsFreshMs = 5 * 60_000;

export function createEnvironment(dependencies: EnvironmentDependencies, host: Host): ExecutionEnvironment {
  const { simulation, table, simulatedAccounts, random, tamperLogin = (login) => login } = dependencies;
  const { renewWith = 'password' } = dependencies;
  const observe = createObserver(dependencies, host);
  const broker = createBroker({
    clock: host.clock,
    random,
    readCredentials: createSecretReader(dependencies, host),
    login: tamperLogin(
      createLoginModel(simulation, host, (username) => required(simulatedAccounts.get(username)).fegora),
    ),
    table: createTokenTable(table.callOf(host), 'tokens', observe),
    observe,
    tokenUrl,
    isConfigured: (account) => simulatedAccounts.has(account),
    loginBudget: defaultLoginBudget,
    renewWith,
  });
  return { host, broker, ask };

  async function ask(account: string, more: Partial<TokenRequest> = {}): Promise<'served' | ErrorCode> {
    const { oracle } = required(simulatedAccounts.get(account));
    const endsAt = simulation.now() + invocationMs;
    const request = { account, ...more };
    try {
      const grant = await broker.getToken(request, () => endsAt - simulation.now());
      oracle.answered(host, request, grant);
      return 'served';
    } catch (thrown) {
      oracle.failed(host, thrown);
      return asBrokerError(thrown).code;
    }
  }
}

/** Observations that are too frequent for the log. */
const unlogged: ReadonlySet<string> = new Set(['login', 'clock_skew', 'failed']);

function createObserver({ simulation, simulatedAccounts, observe }: EnvironmentDependencies, host: Host) {
  return (observation: Observation): void => {
    observe?.(observation);
    if (observation.kind === 'mark_unwritten') {
      simulatedAccounts.get(observation.account)?.oracle.excuse(host, 'the rejection could not be stored');
    }
    if (!unlogged.has(observation.kind)) {
      simulation.log(`  ${host.name} observes ${observation.kind}`);
    }
  };
}

/** The credential source as the broker sees it: credentials are cached for 5 minutes, unless `past` is set. */
function createSecretReader(
  { simulation, simulatedAccounts, isSecretDown = () => false }: EnvironmentDependencies,
  host: Host,
): ReadCredentials {
  const cache = new Map<string, { readonly credentials: Credentials; readonly at: number }>();
  return async (account, { past, signal }) => {
    const known = cache.get(account);
    if (!past && known !== undefined && host.clock.monotonic() - known.at < credentialsFreshMs) {
      return known.credentials;
    }
    // The user has the same name as the account.
    const serve = async () => {
      if (isSecretDown()) {
        throw new Error('down');
      }
      return { username: account, clientId, ...required(simulatedAccounts.get(account)).secret };
    };
    const read = sendRequest(simulation, { host, what: `the secret of ${account}`, serve, signal, timeoutMs: callMs });
    const credentials = await read.catch(() => {
      throw new BrokerError('secret_unavailable', 'no answer');
    });
    cache.set(account, { credentials, at: host.clock.monotonic() });
    return credentials;
  };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error('unknown account');
  }
  return value;
}

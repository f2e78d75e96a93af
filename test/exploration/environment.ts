import { createTokenTable } from '../../lambda/aws/token-table.ts';
import { type Broker, createBroker, type TokenRequest } from '../../lambda/broker/broker.ts';
import type { Credentials, Login, Observation, ReadCredentials } from '../../lambda/broker/ports.ts';
import { asBrokerError, BrokerError, type ErrorCode } from '../../lambda/errors.ts';
import type { FegoraModel } from './fegora-model.ts';
import { exchange } from './network-request.ts';
import { clientId, type Judge, tokenUrl } from './oracle.ts';
import type { Host, Universe } from './simulation.ts';
import type { TableLink } from './table-link.ts';

/** One account: its user at Fegora, its secret as Secrets Manager has it, and who judges what becomes of them. */
export interface Taxpayer {
  readonly account: string;
  readonly fegora: FegoraModel;
  readonly secret: { versionId: string; password: string };
  readonly judge: Judge;
}

/** An execution environment: a process with the real broker in it. */
export interface ExecutionEnvironment {
  readonly host: Host;
  readonly broker: Broker;
  /** One invocation that asks for a token; what comes of it is the judge's to say. */
  readonly ask: (account: string, request?: Partial<TokenRequest>) => Promise<'served' | ErrorCode>;
}

export interface Surroundings {
  readonly universe: Universe;
  readonly table: TableLink;
  /** By account. */
  readonly taxpayers: ReadonlyMap<string, Taxpayer>;
  readonly random: () => number;
  /** How the login port is tampered with, for a broker that is to be caught. */
  readonly tamperLogin?: (login: Login) => Login;
  readonly observe?: (observation: Observation) => void;
  /** Whether Secrets Manager answers nobody now. */
  readonly isSecretDown?: () => boolean;
}

const invocationMs = 25_000;
const callMs = 3000;
const freshMs = 5 * 60_000;

export function createEnvironment(surroundings: Surroundings, host: Host): ExecutionEnvironment {
  const { universe, table, taxpayers, random, tamperLogin = (login) => login } = surroundings;
  const observe = observer(surroundings, host);
  const broker = createBroker({
    clock: host.clock,
    random,
    readCredentials: createSecretReader(surroundings, host),
    login: tamperLogin((credentials, flight) =>
      required(taxpayers.get(credentials.username)).fegora.loginOf(host)(credentials, flight),
    ),
    table: createTokenTable(table.callOf(host), 'tokens', observe),
    observe,
    tokenUrl,
  });
  return { host, broker, ask };

  async function ask(account: string, more: Partial<TokenRequest> = {}): Promise<'served' | ErrorCode> {
    const { judge } = required(taxpayers.get(account));
    const endsAt = universe.now() + invocationMs;
    const request = { account, ...more };
    try {
      const grant = await broker.getToken(request, () => endsAt - universe.now());
      judge.answered(host, request, grant);
      return 'served';
    } catch (thrown) {
      judge.failed(host, thrown);
      return asBrokerError(thrown).code;
    }
  }
}

const everyday: ReadonlySet<string> = new Set(['login', 'clock_skew', 'failed']);

function observer({ universe, taxpayers, observe }: Surroundings, host: Host) {
  return (observation: Observation): void => {
    observe?.(observation);
    if (observation.kind === 'mark_unwritten') {
      taxpayers.get(observation.account)?.judge.excuse(host, 'the mark could not be written');
    }
    if (!everyday.has(observation.kind)) {
      universe.log(`  ${host.name} notices ${observation.kind}`);
    }
  };
}

/** The credential source, as far as the broker sees it: kept five minutes, asked past that where it is told to. */
function createSecretReader(
  { universe, taxpayers, isSecretDown = () => false }: Surroundings,
  host: Host,
): ReadCredentials {
  const kept = new Map<string, { readonly credentials: Credentials; readonly at: number }>();
  return async (account, { past, signal }) => {
    const known = kept.get(account);
    if (!past && known !== undefined && host.clock.monotonic() - known.at < freshMs) {
      return known.credentials;
    }
    // The user is called as the account is.
    const serve = async () => {
      if (isSecretDown()) {
        throw new Error('down');
      }
      return { username: account, clientId, ...required(taxpayers.get(account)).secret };
    };
    const read = exchange(universe, { host, what: `the secret of ${account}`, serve, signal, timeoutMs: callMs });
    const credentials = await read.catch(() => {
      throw new BrokerError('secret_unavailable', 'no answer');
    });
    kept.set(account, { credentials, at: host.clock.monotonic() });
    return credentials;
  };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error('there is no such account here');
  }
  return value;
}

import { type Broker, createBroker, type TokenRequest } from '../../lambda/broker.ts';
import { BrokerError } from '../../lambda/errors.ts';
import type { Credentials, Login, Observation, ReadCredentials } from '../../lambda/ports.ts';
import { createTokenTable } from '../../lambda/token-table.ts';
import { exchange } from './exchange.ts';
import type { FegoraModel } from './fegora-model.ts';
import { clientId, type Judge, tokenUrl } from './judge.ts';
import type { TableLink } from './table-link.ts';
import type { Host, Universe } from './universe.ts';

/** One secret, as Secrets Manager has it now. */
export interface SecretModel {
  versionId: string;
  password: string;
}

/** An execution environment: a process with the real broker in it. */
export interface ExecutionEnvironment {
  readonly host: Host;
  readonly broker: Broker;
  /** One invocation that asks for a token; what comes of it is the judge's to say. */
  readonly ask: (request?: Partial<TokenRequest>) => Promise<'served' | 'failed'>;
}

export interface Surroundings {
  readonly universe: Universe;
  readonly judge: Judge;
  readonly table: TableLink;
  readonly fegora: FegoraModel;
  readonly secret: SecretModel;
  readonly random: () => number;
  /** How the login port is tampered with, for a broker that is to be caught. */
  readonly tamperLogin?: (login: Login) => Login;
  readonly observe?: (observation: Observation) => void;
}

const invocationMs = 25_000;
const callMs = 3000;
const freshMs = 5 * 60_000;

export function createEnvironment(surroundings: Surroundings, host: Host): ExecutionEnvironment {
  const { universe, judge, table, fegora, random, tamperLogin = (login) => login, observe } = surroundings;
  const note = (observation: Observation): void => {
    observe?.(observation);
    if (observation.kind === 'mark_unwritten') {
      judge.excuse(host, 'the mark could not be written');
    }
    if (!['served', 'login', 'clock_skew', 'failed'].includes(observation.kind)) {
      universe.log(`  ${host.name} notices ${observation.kind}`);
    }
  };
  const broker = createBroker({
    clock: host.clock,
    random,
    readCredentials: createSecretReader(surroundings, host),
    login: tamperLogin(fegora.loginOf(host)),
    table: createTokenTable(table.callOf(host), 'tokens', note),
    observe: note,
    tokenUrl,
    withoutTable: 'refuse',
  });
  return { host, broker, ask };

  async function ask(more: Partial<TokenRequest> = {}): Promise<'served' | 'failed'> {
    const endsAt = universe.now() + invocationMs;
    const request = { account: 'a', ...more };
    try {
      const grant = await broker.getToken(request, () => endsAt - universe.now());
      judge.answered(host, request, grant);
      return 'served';
    } catch (thrown) {
      judge.failed(host, thrown);
      return 'failed';
    }
  }
}

/** The credential source, as far as the broker sees it: kept five minutes, asked past that where it is told to. */
function createSecretReader({ universe, secret }: Surroundings, host: Host): ReadCredentials {
  let kept: { readonly credentials: Credentials; readonly at: number } | undefined;
  return async (_account, { past, signal }) => {
    if (!past && kept !== undefined && host.clock.monotonic() - kept.at < freshMs) {
      return kept.credentials;
    }
    const serve = async (): Promise<Credentials> => ({ username: '25365421', clientId, ...secret });
    const read = exchange(universe, { host, what: 'the secret', serve, signal, timeoutMs: callMs });
    const credentials = await read.catch(() => {
      throw new BrokerError('secret_unavailable', 'no answer');
    });
    kept = { credentials, at: host.clock.monotonic() };
    return credentials;
  };
}

// Runs the real function on virtual time, over a table, secrets and a Fegora in memory. Called by costs.ts.
import type { Context } from 'aws-lambda';
import { createCredentialSources } from '../../lambda/aws/credential-sources.ts';
import { createBroker } from '../../lambda/broker/broker.ts';
import type { Clock } from '../../lambda/broker/clock.ts';
import type { LoginOutcome } from '../../lambda/broker/login/login-outcome.ts';
import type { Login, Ports } from '../../lambda/broker/ports.ts';
import { defaultClientId, defaultLoginBudget, defaultTokenUrl } from '../../lambda/config.ts';
import { createRouter } from '../../lambda/events/router.ts';
import { createTelemetry } from '../../lambda/telemetry/telemetry.ts';
import { captureLines } from './capture-lines.ts';
import { createMemoryTable } from './memory-table.ts';

/** What an environment used and wrote so far. */
export interface Usage {
  readonly lines: readonly string[];
  readonly tableReads: number;
  readonly tableWrites: number;
  readonly secretReads: number;
  readonly logins: number;
}

/** One environment of the function. */
export interface Environment {
  /** Invokes the function by an alias. Returns the lines that it wrote. @throws Error if the call does not succeed */
  readonly invoke: (alias: string, event: object) => Promise<readonly string[]>;
  readonly pass: (ms: number) => void;
  readonly usage: () => Usage;
}

/** As long as CloudFormation makes it: 64 characters. */
export const functionName = 'FegoraTokenBroker-production-BrokerFunction'.padEnd(64, 'X');

const functionArn = `arn:aws:lambda:us-east-1:111111111111:function:${functionName}`;
/** Lambda's id of a call: as long as each. */
const invocationId = '3f2b1c9e-0000-4000-8000-000000000001';

/**
 * Creates an environment with empty memory and an empty table.
 *
 * @param accounts ids; each gets a secret
 * @param lifetimeMs how long Fegora's tokens live
 */
export function createEnvironment(accounts: readonly string[], lifetimeMs: number): Environment {
  let elapsedMs = 0;
  const clock = clockOf(() => elapsedMs);
  const lines: string[] = [];
  const telemetry = createTelemetry(functionName, clock.now);
  const secrets = new Map(accounts.map((account) => [account, `fegora/${account}`]));
  const { ports, counts } = createPorts({ clock, secrets, lifetimeMs, observe: telemetry.observe });
  const handle = createRouter({
    config: { accounts: secrets, defaultAccount: undefined },
    broker: createBroker(ports),
    random: ports.random,
    now: clock.now,
    report: telemetry,
  });

  return {
    invoke: async (alias, event) => {
      const written = await captureLines(() => handle(event, contextOf(alias)));
      lines.push(...written);
      return written;
    },
    pass: (ms) => {
      elapsedMs += ms;
    },
    usage: () => ({ lines: [...lines], ...counts() }),
  };
}

interface PortsOptions extends Pick<Ports, 'clock' | 'observe'> {
  /** Account to secret id. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly lifetimeMs: number;
}

/** The ports of the core, and how often they were used. */
function createPorts({ clock, observe, secrets, lifetimeMs }: PortsOptions) {
  const used = { secretReads: 0, logins: 0 };
  const { table, calls } = createMemoryTable(clock.now);
  const getSecretValue = async (id: string) => {
    used.secretReads += 1;
    const text = JSON.stringify({ username: id, password: 'not-a-real-password' });
    return { versionId: '6a7e8feb-0000-4000-8000-000000000002', text };
  };
  const issue = (): LoginOutcome => {
    used.logins += 1;
    return { kind: 'issued', accessToken: `token-${used.logins}`, lifetimeMs, skewMs: 0 };
  };
  const ports: Ports = {
    clock,
    observe,
    table,
    random: () => 0.5,
    tokenUrl: defaultTokenUrl,
    loginBudget: defaultLoginBudget,
    isConfigured: (account) => secrets.has(account),
    login: loginOf(issue),
    readCredentials: createCredentialSources({ secrets, clientId: defaultClientId, now: clock.now, getSecretValue }),
  };
  return { ports, counts: () => ({ ...used, tableReads: calls.reads, tableWrites: calls.writes }) };
}

/** Sleeps end only if their signal aborts: nothing that succeeds waits for time. */
function clockOf(elapsed: () => number): Clock {
  return {
    now: () => Date.UTC(2026, 0, 15, 12) + elapsed(),
    monotonic: elapsed,
    sleep: (_ms, signal) =>
      new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
  };
}

/** A Fegora that always sends a token. */
function loginOf(issue: () => LoginOutcome): Login {
  return async () => ({
    kind: 'connected',
    close: () => {},
    send: async (_credentials, { beforeFirstByte }) => (beforeFirstByte() ? issue() : { kind: 'withheld' }),
  });
}

function contextOf(alias: string): Context {
  const unused = () => {};
  return {
    awsRequestId: invocationId,
    invokedFunctionArn: `${functionArn}:${alias}`,
    getRemainingTimeInMillis: () => 25_000,
    functionName,
    functionVersion: '1',
    memoryLimitInMB: '512',
    logGroupName: '',
    logStreamName: '',
    callbackWaitsForEmptyEventLoop: true,
    done: unused,
    fail: unused,
    succeed: unused,
  };
}

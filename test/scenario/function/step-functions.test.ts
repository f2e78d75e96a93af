// The state machine of examples/step-functions with its worker, against the real handler.
import { StateMachine } from 'aws-local-stepfunctions';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Environment } from '../../../lambda/config.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';
import { loadExample } from '../../support/examples.ts';
import { type SkippingClock, skippingClock } from '../../support/skipping-clock.ts';
import { passwordOf } from '../../support/test-system.ts';

const functions = 'arn:aws:lambda:us-east-1:000000000000:function';
/** The beginning of every token of the simulator. */
const tokenMark = 'not-a-real-token-';

type Definition = ConstructorParameters<typeof StateMachine>[0];

let definition: Definition;
let clock: SkippingClock;
let system: GatewaySystem;
let output: Capture;

/** test/package/examples.test.ts shows that the example deploys this definition. */
beforeAll(async () => {
  const { invoicingDefinition } = await loadExample('step-functions/lib/invoicing-definition.ts');
  definition = invoicingDefinition({
    token: `${functions}:fegora-token-broker:account-one`,
    worker: `${functions}:worker:live`,
  });
});

beforeEach(async () => {
  await start();
  output = captureOutput();
});

async function start(env: Environment = {}): Promise<void> {
  clock = skippingClock();
  system = await startGatewaySystem({ env, handlerOptions: { clock, random: Math.random } });
  const { accessKeyId, secretAccessKey } = system.callers.all;
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', system.gateway.url);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  vi.stubEnv('FEGORA_BROKER_FUNCTION', system.gateway.functionName);
  vi.stubEnv('FEGORA_BROKER_ACCOUNT', 'one');
}
afterEach(async () => {
  output.stop();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  await system.close();
});

/** The worker of the example in a new environment, with the simulator as Fegora's API. */
async function newWorker() {
  const { fetch } = globalThis;
  const toSimulator = (url: string | URL | Request) =>
    String(url).replace('https://api.fegora.com', system.servers.fegora.origin);
  vi.stubGlobal('fetch', (url: string | URL | Request, init?: RequestInit) => fetch(toSimulator(url), init));
  const { handler } = await loadExample('step-functions/lambda/issue-invoice.ts');
  return handler;
}

/**
 * Runs the state machine. All tasks except the worker's invoke the real alias through the Lambda API, signed. `ready`
 * replaces the output of the first state, for a token that is gone when the workers ask for it.
 */
async function execute(input: object, ready?: Readonly<Record<string, string | number>>) {
  const handler = await newWorker();
  const { accessKeyId, secretAccessKey } = system.callers.all;
  const machine = new StateMachine(definition, {
    awsConfig: { region: 'us-east-1', credentials: { accessKeys: { accessKeyId, secretAccessKey } } },
  });
  const work = async (order: unknown) => ({ ...(await handler({ path: '', document: {}, ...Object(order) })) });
  const handlers = { IssueInvoice: work, ...(ready && { EnsureToken: async () => ready }) };
  const execution = machine.run(JSON.parse(JSON.stringify(input)), {
    overrides: { taskResourceLocalHandlers: handlers, retryIntervalOverrides: { EnsureToken: 1 } },
  });
  // A failure is in the history too.
  const outcome = execution.result.catch(() => undefined);
  const history = [];
  for await (const event of execution.eventLogs) {
    history.push(event);
    if (event.type === 'StateRetried') {
      // The execution skips the pause of the real service; the broker's clock does not.
      clock.skip(60_000);
    }
  }
  return { result: await outcome, history };
}

/** The events of one state, by type. */
function eventsOf(history: readonly { type: string; state?: { name: string } }[], state: string): string[] {
  return history.filter((event) => event.state?.name === state).map(({ type }) => type);
}

const invoices = { invoices: Array.from({ length: 5 }, (_, index) => ({ path: '/api/whoami', document: { index } })) };

describe('an execution that succeeds', () => {
  test('gets the token by one login, and the workers post their invoices with it', async () => {
    const { result, history } = await execute(invoices);

    expect(result).toEqual(invoices.invoices.map(() => ({ status: 200, body: expect.stringContaining('user-one') })));
    expect(system.servers.fegora.counters()).toMatchObject({ logins: 1, apiCalls: 5, apiRefusals: 0 });
    expect(eventsOf(history, 'EnsureToken')).toEqual(['StateEntered', 'StateExited']);
    // One call by the first state and one by the worker, whose client caches the token.
    expect(system.invoked).toEqual(['account-one', 'account-one']);
  });

  test('has the fingerprint and the expiry in its history, and no token', async () => {
    const { history } = await execute(invoices);
    const recorded = JSON.stringify(history);

    expect(history.filter(({ type }) => type === 'StateExited').length).toBeGreaterThanOrEqual(7);
    expect(recorded).toMatch(/"token_sha256":"[0-9a-f]{64}"/);
    expect(recorded).toContain('"expires_at"');
    expect(recorded).not.toContain(tokenMark);
    expect(recorded).not.toContain('access_token"');
    expect(output.text()).not.toContain(tokenMark);
  });
});

test('promise 44: an execution whose token was renewed by a refresh token has none in its history', async () => {
  await system.close();
  await start({ FEGORA_RENEW_WITH: 'refresh_token' });
  system.servers.fegora.set({ lifetimeSeconds: 120 });
  const first = await execute(invoices);
  // Calls are signed with the time of the system, and the gateway takes them for five minutes.
  clock.skip(119_000);
  const second = await execute(invoices);

  expect(system.servers.fegora.counters()).toMatchObject({ attempts: 1, refreshes: 1, apiCalls: 10, apiRefusals: 0 });
  const recorded = JSON.stringify([first, second]);
  expect(recorded).toMatch(/"token_sha256":"[0-9a-f]{64}"/);
  expect(recorded).not.toMatch(/refresh/);
  expect(output.text()).not.toContain('not-a-real-refresh');
});

describe('an execution with a failure', () => {
  test('does not retry CredentialsRejected', async () => {
    system.servers.fegora.setPassword('user-one', 'not-a-real-password-changed');
    const { history } = await execute(invoices);

    expect(history.at(-1)).toMatchObject({ type: 'ExecutionFailed', Error: 'CredentialsRefused' });
    expect(eventsOf(history, 'EnsureToken')).toEqual(['StateEntered', 'StateFailed', 'StateCaught', 'StateExited']);
    expect(system.invoked).toEqual(['account-one']);
    expect(system.servers.fegora.counters()).toMatchObject({ attempts: 1, apiCalls: 0 });
    expect(JSON.stringify(history)).not.toContain(passwordOf('one'));
  });

  test('does not retry CredentialsRejected of a worker', async () => {
    system.servers.fegora.setPassword('user-one', 'not-a-real-password-changed');
    const { history } = await execute({ invoices: invoices.invoices.slice(0, 1) }, {});

    expect(history.at(-1)).toMatchObject({ type: 'ExecutionFailed', Error: 'CredentialsRejected' });
    expect(history.filter(({ type }) => type === 'StateRetried')).toEqual([]);
    expect(system.servers.fegora.counters()).toMatchObject({ attempts: 1, apiCalls: 0 });
  });

  test('retries UpstreamUnavailable with back-off and goes on when Fegora is available again', async () => {
    system.servers.fegora.addFault({ kind: 'answer', status: 503, times: 2 });
    const { result, history } = await execute(invoices);
    const retries = history.flatMap((event) => ('retry' in event ? [event.retry] : []));

    expect(result).toHaveLength(5);
    expect(retries.map(({ attempt }) => attempt)).toEqual([1, 2]);
    const [retrier] = retries.map((retry) => retry.retrier);
    expect(retrier).toMatchObject({ ErrorEquals: expect.arrayContaining(['UpstreamUnavailable']) });
    expect(retrier?.IntervalSeconds).toBeGreaterThanOrEqual(5);
    expect(retrier?.BackoffRate).toBeGreaterThan(1);
    expect(system.servers.fegora.counters()).toMatchObject({ attempts: 3, logins: 1 });
  });

  test('fails with UpstreamUnavailable when all retries fail', async () => {
    system.servers.fegora.addFault({ kind: 'answer', status: 503, times: null });
    const { history } = await execute(invoices);
    const retries = history.filter(({ type }) => type === 'StateRetried');

    expect(history.at(-1)).toMatchObject({ type: 'ExecutionFailed', Error: 'UpstreamUnavailable' });
    expect(system.invoked).toHaveLength(retries.length + 1);
    expect(retries.length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(history)).not.toContain(passwordOf('one'));
  });

  test('replaces a token that Fegora no longer accepts, without a token in its history', async () => {
    await execute(invoices);
    system.servers.fegora.changeKey();
    const { result, history } = await execute(invoices);

    expect(result).toHaveLength(5);
    expect(system.servers.fegora.counters()).toMatchObject({ logins: 2 });
    expect(JSON.stringify(history)).not.toContain(tokenMark);
  });
});

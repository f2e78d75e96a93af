// The workflow of examples/step-functions with the real function for requests, the real broker and a small API of Fegora.
import { StateMachine } from 'aws-local-stepfunctions';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createRequests } from '../../../infra/requests/function/requests.ts';
import type { Environment } from '../../../lambda/config.ts';
import { localCallers } from '../../../local/gateway/callers.ts';
import { type Gateway, startGateway } from '../../../local/gateway/gateway.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';
import { type FegoraApi, startFegoraApi } from '../../support/fegora/api.ts';
import { requestsEnv } from '../../support/fegora/requests-system.ts';
import { invoicingGraph } from '../../support/invoicing.ts';
import { type SkippingClock, skippingClock } from '../../support/skipping-clock.ts';
import { passwordOf } from '../../support/test-system.ts';

/** The beginning of every token of the simulator. */
const tokenMark = 'not-a-real-token-';
const functions = 'arn:aws:lambda:us-east-1:000000000000:function';

type Definition = ConstructorParameters<typeof StateMachine>[0];

let definition: Definition;
let clock: SkippingClock;
let system: GatewaySystem;
let api: FegoraApi;
/** Lambda's API in front of the function for requests. */
let lambda: Gateway;
const callers = localCallers('one');
let output: Capture;

/** test/package/examples-workflow.test.ts shows that the example deploys these states. */
beforeAll(async () => {
  definition = await invoicingGraph('one', `${functions}:fegora-token-broker:account-one`);
});

beforeEach(async () => {
  await start();
  output = captureOutput();
});

async function start(env: Environment = {}): Promise<void> {
  clock = skippingClock();
  system = await startGatewaySystem({ env, handlerOptions: { clock, random: Math.random } });
  api = await startFegoraApi(system.servers.fegora.origin);
  await newEnvironment();
}

/** Starts the function for requests, without a token in its memory. */
async function newEnvironment(): Promise<void> {
  await lambda?.close();
  const handler = createRequests({ env: requestsEnv(system, api.origin) });
  const aliases = ['account-one', 'account-two'];
  lambda = await startGateway({ handler, callers: Object.values(callers), aliases, timeoutMs: 60_000 });
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', lambda.url);
}

async function stop(): Promise<void> {
  await lambda.close();
  await api.close();
  await system.close();
}
afterEach(async () => {
  output.stop();
  vi.unstubAllEnvs();
  await stop();
});

/** The usual answer of Fegora, before that of the request that a test is about. */
const none = { kind: 'none' } as const;

const order = { numeroTransaccion: 7, total: 112, documento: { numeroTransaccion: 7, total: 112 } };

/** Runs the workflow. Its tasks invoke the alias through the API of Lambda, signed. Its waits are skipped. */
async function execute(input: object = order, { caller = callers.first, states = definition } = {}) {
  const { accessKeyId, secretAccessKey, sessionToken } = caller;
  const accessKeys = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  const machine = new StateMachine(states, { awsConfig: { region: 'us-east-1', credentials: { accessKeys } } });
  const requests = ['LookUp', 'LookUpAgain', 'Issue', 'Read', 'Void'];
  const execution = machine.run(JSON.parse(JSON.stringify(input)), {
    overrides: {
      waitTimeOverrides: { WaitForOutcome: 1, WaitForCertification: 1 },
      retryIntervalOverrides: Object.fromEntries(requests.map((name) => [name, 1])),
    },
  });
  // A failure is in the history too.
  const outcome = execution.result.catch(() => undefined);
  const history = [];
  for await (const event of execution.eventLogs) {
    history.push(event);
  }
  return { result: await outcome, history, end: history.at(-1) };
}

type Executed = Awaited<ReturnType<typeof execute>>;

/** The states that were entered, in order. */
function entered({ history }: Executed): string[] {
  return history.flatMap((event) => (event.type === 'StateEntered' && 'state' in event ? [event.state.name] : []));
}

/** Each POST and PATCH that Fegora got. */
function changes(): string[] {
  return api.calls.map(({ method }) => method).filter((method) => method !== 'GET');
}

/** The history and the logs, as text, without a token in them. */
function recordOf({ history }: Executed): string {
  const recorded = JSON.stringify(history);
  expect(recorded).toContain('StateEntered');
  expect(recorded).not.toContain(tokenMark);
  expect(recorded).not.toMatch(/access_token|Bearer (?!\[token\])/);
  expect(output.text()).not.toContain(tokenMark);
  return recorded;
}

const happy = ['Start', 'LookUp', 'IsIssued', 'Issue', 'WaitForCertification', 'Read', 'Check', 'Issued'];

describe('promise 53: an execution', () => {
  test('issues an invoice and checks it, with one login and without a token in its history', async () => {
    const execution = await execute();

    expect(execution.end?.type).toBe('ExecutionSucceeded');
    expect(entered(execution)).toEqual(happy);
    expect(execution.result).toMatchObject({ dte: { status: 200, body: { numeroTransaccion: 7, anulado: false } } });
    expect(api.documents).toHaveLength(1);
    expect(system.servers.fegora.counters()).toMatchObject({ logins: 1 });
    expect(system.invoked).toEqual(['account-one']);
    recordOf(execution);
  });

  test('issues no second invoice when it is started again', async () => {
    await execute();
    const execution = await execute();

    expect(execution.end?.type).toBe('ExecutionSucceeded');
    expect(entered(execution)).toEqual(happy.map((name) => (name === 'Issue' ? 'Known' : name)));
    expect(changes()).toEqual(['POST']);
    recordOf(execution);
  });

  test('voids the invoice if its total is wrong', async () => {
    const execution = await execute({ ...order, total: 100 });

    expect(execution.end).toMatchObject({ type: 'ExecutionFailed', Error: 'Voided' });
    expect(changes()).toEqual(['POST', 'PATCH']);
    expect(api.documents).toMatchObject([{ anulado: true }]);
    recordOf(execution);
  });

  test('goes on after a 401, with a token that it gets in the same call', async () => {
    await execute({ ...order, numeroTransaccion: 6 });
    system.servers.fegora.changeKey();
    const execution = await execute();

    expect(execution.end?.type).toBe('ExecutionSucceeded');
    expect(execution.history.filter(({ type }) => type === 'StateRetried')).toEqual([]);
    expect(api.refused()).toBe(1);
    expect(system.servers.fegora.counters()).toMatchObject({ logins: 2 });
    recordOf(execution);
  });

  test('repeats the POST after a 503', async () => {
    api.addFaults(none, { kind: 'answer', status: 503 });
    const execution = await execute();
    const retries = execution.history.flatMap((event) => ('retry' in event ? [event.retry] : []));

    expect(execution.end?.type).toBe('ExecutionSucceeded');
    expect(retries).toMatchObject([
      { attempt: 1, retrier: { ErrorEquals: expect.arrayContaining(['FegoraUnavailable']) } },
    ]);
    expect(changes()).toEqual(['POST', 'POST']);
    expect(api.documents).toHaveLength(1);
    recordOf(execution);
  });

  test('ends with the message of Fegora when Fegora refuses the document', async () => {
    const body = { severidad: 'error', codigo: 'NIT-1', mensaje: 'El NIT del receptor no existe.' };
    api.addFaults(none, { kind: 'answer', status: 400, body });
    const execution = await execute();

    expect(execution.end).toMatchObject({ type: 'ExecutionFailed', Error: 'FegoraRefused' });
    expect(changes()).toEqual(['POST']);
    const recorded = recordOf(execution);
    expect(recorded).toContain('El NIT del receptor no existe.');
    expect(output.text()).not.toContain('El NIT');
  });

  test('looks up a POST that was cut before its answer, and sends it once', async () => {
    api.addFaults(none, { kind: 'cut', after: 'nothing' });
    const execution = await execute();

    expect(execution.end?.type).toBe('ExecutionSucceeded');
    expect(entered(execution)).toEqual([
      ...['Start', 'LookUp', 'IsIssued', 'Issue', 'WaitForOutcome', 'LookUpAgain', 'IsThere', 'Known'],
      ...['WaitForCertification', 'Read', 'Check', 'Issued'],
    ]);
    expect(changes()).toEqual(['POST']);
    expect(api.documents).toHaveLength(1);
    expect(recordOf(execution)).toContain('FegoraOutcomeUnknown');
  });

  test('looks up a POST whose answer was too large, and sends it once', async () => {
    api.addFaults(none, { kind: 'long' });
    const execution = await execute();

    expect(execution.end?.type).toBe('ExecutionSucceeded');
    expect(entered(execution)).toContain('LookUpAgain');
    expect(changes()).toEqual(['POST']);
    expect(recordOf(execution)).toContain('FegoraAnswerTooLarge');
  });

  test('voids no invoice whose total it cannot read', async () => {
    const execution = await execute({ ...order, documento: { ...order.documento, total: '112.00' } });

    expect(execution.end).toMatchObject({ type: 'ExecutionFailed', Error: 'NoTotal' });
    expect(changes()).toEqual(['POST']);
    expect(api.documents).toMatchObject([{ anulado: false }]);
  });

  test('does not repeat a POST that Fegora answered with 500 and does not know', async () => {
    api.addFaults(none, { kind: 'answer', status: 500 });
    const execution = await execute();

    expect(execution.end).toMatchObject({ type: 'ExecutionFailed', Error: 'NotIssued' });
    expect(changes()).toEqual(['POST']);
    recordOf(execution);
  });

  test('reads the invoice again if the answer to its voiding was lost', async () => {
    api.addFaults(none, none, none, { kind: 'cut', after: 'half' });
    const execution = await execute({ ...order, total: 100 });

    expect(execution.end).toMatchObject({ type: 'ExecutionFailed', Error: 'Voided' });
    expect(changes()).toEqual(['POST', 'PATCH']);
    recordOf(execution);
  });

  test('ends with FegoraAnswerTooLarge after an answer of 300 KB', async () => {
    api.addFaults({ kind: 'answer', status: 200, body: { data: ['x'.repeat(300_000)] } });
    const execution = await execute();

    expect(execution.end).toMatchObject({ type: 'ExecutionFailed', Error: 'FegoraAnswerTooLarge' });
    expect(recordOf(execution).length).toBeLessThan(20_000);
  });

  test('does not repeat rejected credentials', async () => {
    system.servers.fegora.setPassword('user-one', 'not-a-real-password-changed');
    const execution = await execute();

    expect(execution.end).toMatchObject({ type: 'ExecutionFailed', Error: 'CredentialsRejected' });
    expect(entered(execution)).toEqual(['Start', 'LookUp']);
    expect(system.servers.fegora.counters()).toMatchObject({ attempts: 1 });
    expect(recordOf(execution)).not.toContain(passwordOf('one'));
  });

  test('with the right on one account cannot ask for another, and sends nothing', async () => {
    const states = JSON.parse(JSON.stringify(definition).replaceAll('account-one', 'account-two'));
    const execution = await execute(order, { states });

    expect(execution.end?.type).toBe('ExecutionFailed');
    expect(entered(execution)).toEqual(['Start', 'LookUp']);
    expect(JSON.stringify(execution.end)).toMatch(/AccessDenied|not authorized/);
    expect([api.calls, api.refused(), system.invoked]).toEqual([[], 0, []]);
    recordOf(execution);
  });
});

test('promise 44: an execution whose token was renewed by a refresh token has none in its history', async () => {
  await stop();
  await start({ FEGORA_RENEW_WITH: 'refresh_token' });
  system.servers.fegora.set({ lifetimeSeconds: 120 });
  const first = await execute();
  // Calls are signed with the time of the system, and the gateway takes them for five minutes.
  clock.skip(119_000);
  await newEnvironment();
  const second = await execute({ ...order, numeroTransaccion: 8 });

  expect(system.servers.fegora.counters()).toMatchObject({ attempts: 1, refreshes: 1 });
  expect([first.end?.type, second.end?.type]).toEqual(['ExecutionSucceeded', 'ExecutionSucceeded']);
  expect(recordOf(first) + recordOf(second)).not.toMatch(/refresh/);
  expect(output.text()).not.toContain('not-a-real-refresh');
});

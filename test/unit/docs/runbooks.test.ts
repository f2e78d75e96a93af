// Holds the form of the runbooks of docs/operations.md: their parts, and the commands, fields and names in them.
import { globSync, readFileSync } from 'node:fs';
import { ResponseType } from 'aws-cdk-lib/aws-apigateway';
import { expect, onTestFinished, test } from 'vitest';
import { outputOf } from '../../../cli/output/output.ts';
import { createProgram } from '../../../cli/program.ts';
import { runbooks as runbooksOfDoctor } from '../../../cli/status/runbooks.ts';
import { alarmNames } from '../../../infra/monitoring/alarm-names.ts';
import { alarmRules } from '../../../infra/monitoring/alarm-rules.ts';
import { codeModes, failureModes, incidentModes } from '../../../infra/monitoring/failure-modes.ts';
import type { Incident } from '../../../lambda/broker/ports.ts';
import { BrokerError, isErrorCode } from '../../../lambda/errors.ts';
import { describeInvocation } from '../../../lambda/events/invocation.ts';
import { createTelemetry } from '../../../lambda/telemetry/telemetry.ts';
import { parseQuery } from '../../support/alarms/insights.ts';
import { captureOutput } from '../../support/capture.ts';
import { httpEvent, lambdaContext } from '../../support/events/events.ts';
import { anchorOf, partNames, readRunbooks } from '../../support/runbooks.ts';

const root = new URL('../../../', import.meta.url);
const sourceOf = (path: string) => readFileSync(new URL(path, root), 'utf8');
const runbooks = readRunbooks();
const modes = Object.values(failureModes).flatMap((group) => Object.values(group));
const named = modes.map((mode) => mode.runbook ?? mode.alarms[0]);

test('every alarm has a runbook, and every runbook is that of an alarm or of a failure', () => {
  const headings = runbooks.map(({ heading }) => heading);
  expect([...new Set([...alarmNames, ...named])].filter((name) => !headings.includes(name))).toEqual([]);
  expect(
    headings.filter((heading) => !named.includes(heading) && !alarmNames.some((name) => name === heading)),
  ).toEqual([]);
});

test.each(runbooks)('the runbook $heading has the five parts, in order', (runbook) => {
  expect(runbook.parts.map(({ name }) => name)).toEqual(partNames);
  const lookAt = runbook.parts.find(({ name }) => name === 'Look at');
  expect([...(lookAt?.commands ?? []), ...(lookAt?.queries ?? [])]).not.toEqual([]);
});

test('promise 80: doctor names the runbook that the table of failures names, for every code', () => {
  const { item_malformed: item, ...ofCodes } = runbooksOfDoctor;
  const expected = Object.entries(codeModes).map(([code, mode]) => [code, anchorOf(runbookOf(mode))]);
  expect(ofCodes).toEqual(Object.fromEntries(expected));
  expect(item).toBe(anchorOf(incidentModes.item_malformed.runbook));
});

function runbookOf(mode: (typeof codeModes)[keyof typeof codeModes]): string {
  return 'runbook' in mode ? mode.runbook : mode.alarms[0];
}

test.each(runbooks)('the commands of $heading exist', async ({ parts }) => {
  for (const args of parts.flatMap(({ commands }) => commands)) {
    await expect(parse(args), args.join(' ')).resolves.toBeDefined();
  }
});

test('a command that does not exist is refused by the same parser', async () => {
  await expect(parse(['statu'])).rejects.toThrow('unknown command');
  await expect(parse(['status', '--al'])).rejects.toThrow('unknown option');
  await expect(parse(['resume'])).rejects.toThrow('missing required argument');
});

/** Parses a command line with the program of the command line, whose commands do nothing here. */
function parse(args: readonly string[]): Promise<unknown> {
  const terminal = {
    isInteractive: false,
    print: () => {},
    note: () => {},
    ask: async () => '',
    askHidden: async () => '',
  };
  const program = createProgram('fegora-broker', terminal, outputOf(terminal, 'text', 'broker'));
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
    command.action(() => {});
  }
  return program.parseAsync(args, { from: 'user' });
}

test.each(runbooks)('the queries of $heading read only fields that our logs have', ({ parts }) => {
  const known = [...fieldsOfTheLog(), ...fieldsOfTheAccessLog(), ...fieldsOfLambda, '@timestamp'];
  const fields = parts.flatMap(({ queries }) => queries).flatMap((query) => parseQuery(query).fields);
  expect(fields.filter((field) => !known.includes(field))).toEqual([]);
});

/** @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html (platform.report) */
const fieldsOfLambda = ['type', 'record.status', 'record.requestId', 'record.metrics.maxMemoryUsedMB'];

/** The members of the lines that the function writes for each kind of thing that it reports. */
function fieldsOfTheLog(): string[] {
  const output = captureOutput();
  onTestFinished(output.stop);
  const telemetry = createTelemetry('the-function', Date.now);
  const call = describeInvocation(httpEvent({ account: 'main' }), lambdaContext('http'), undefined);
  const token = { accessToken: 'x', fingerprint: 'f', issuedAt: 0, lifetimeMs: 1, versionId: 'v1' };
  telemetry.issued(call, { token, source: 'memory', remainingMs: 1 }, 'token');
  telemetry.ran(call, 'warm', []);
  telemetry.misconfigured([]);
  telemetry.observe({ kind: 'login', account: 'main', outcome: 'other_user', ms: 1 });
  telemetry.observe({ kind: 'clock_skew', account: 'main', ms: 60_000 });
  for (const code of Object.keys(codeModes).filter(isErrorCode)) {
    telemetry.failed(call, new BrokerError(code, 'a test', { cause: new Error('a test') }));
  }
  for (const kind of Object.keys(incidentModes)) {
    telemetry.observe({ kind: kind as Incident, account: 'main' });
  }
  output.stop();
  return [...new Set(output.records().flatMap((line) => Object.keys(line)))];
}

function fieldsOfTheAccessLog(): string[] {
  return [...sourceOf('infra/api/access-log.ts').matchAll(/^ {4}(\w+): AccessLogField\./gm)].map(
    ([, name = '']) => name,
  );
}

test('the graphs that runbooks name are on the dashboard', () => {
  const dashboard = globSync('infra/monitoring/*.ts', { cwd: root }).map(sourceOf).join('\n');
  const graphs = runbooks.flatMap(({ text }) => [...text.matchAll(/«([^»]+)»/g)].map(([, title = '']) => title));
  expect(graphs.length).toBeGreaterThan(5);
  expect(graphs.filter((title) => !dashboard.includes(`'${title}'`) && title !== 'token ends')).toEqual([]);
});

test('the alarms that ring after a deployment are one of each severity, by the names in the template', () => {
  const [, deploy = ''] = /\n## Deploy\n([\s\S]*?)\n## /.exec(sourceOf('docs/operations.md')) ?? [];
  const ids = [...deploy.matchAll(/contains\(LogicalResourceId, '(\w+)'\)/g)].map(([, id = '']) => id);
  const template = sourceOf('test/infra/__snapshots__/stack.test.ts.snap');
  expect(ids.filter((id) => !template.includes(`"Broker${id}`))).toEqual([]);
  const names = alarmNames.filter((name) => ids.includes(`Alarms${name}`));
  expect(names.map((name) => alarmRules[name].severity)).toEqual(['urgent', 'notice']);
});

test('the error types of API Gateway that runbooks name exist', () => {
  const types = Object.values(ResponseType).map(({ responseType }) => responseType);
  const words = runbooks.flatMap(({ text }) =>
    [...text.matchAll(/["`]([A-Z]+(?:_[A-Z0-9]+)+)["`]/g)].map(([, word = '']) => word),
  );
  expect(words.length).toBeGreaterThan(5);
  expect(words.filter((word) => !types.includes(word))).toEqual([]);
});

test('the codes and members that runbooks name exist', () => {
  const known = new Set([
    ...Object.values(failureModes).flatMap((group) => Object.keys(group)),
    ...fieldsOfTheLog(),
    ...[...sourceOf('lambda/events/account-status.ts').matchAll(/readonly (\w+)\??:/g)].map(([, name]) => name),
    ...[...sourceOf('lambda/aws/item-record.ts').matchAll(/\b(\w+)\b/g)].map(([, name]) => name),
    // A member of the secret.
    'client_id',
  ]);
  const words = runbooks.flatMap(({ heading, text }) =>
    [...text.matchAll(/`([a-z]+(?:_[a-z0-9]+)+)`/g)].map(([, word = '']) => [heading, word] as const),
  );
  expect(words.length).toBeGreaterThan(50);
  expect(words.filter(([, word]) => !known.has(word))).toEqual([]);
});

// The log lines and the metrics of each report.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Incident } from '../../../../lambda/broker/ports.ts';
import { expiresAt } from '../../../../lambda/broker/token.ts';
import { BrokerError } from '../../../../lambda/errors.ts';
import { describeInvocation } from '../../../../lambda/events/invocation.ts';
import { metricNames, metricNamespace } from '../../../../lambda/telemetry/metric-names.ts';
import { createTelemetry } from '../../../../lambda/telemetry/telemetry.ts';
import { type Capture, captureOutput } from '../../../support/capture.ts';
import { grant, token } from '../../../support/events/broker.ts';
import { callerArn, httpEvent, lambdaContext } from '../../../support/events/events.ts';

const role = 'arn:aws:sts::000000000000:assumed-role/invoicing';
const invocation = describeInvocation(httpEvent({ account: 'one' }), lambdaContext('http'), undefined);
const telemetry = createTelemetry('the-function', Date.now);
let output: Capture;

beforeEach(() => {
  output = captureOutput();
});
afterEach(() => output.stop());

const isMetric = (record: object) => '_aws' in record;
const metrics = () => output.records().filter(isMetric);
const lines = () => output.records().filter((record) => !isMetric(record));

/** The sets of dimensions under which CloudWatch keeps the metrics of a document. */
function dimensionsOf(document: object | undefined): unknown {
  const aws: unknown = Object(document)._aws;
  return Object(aws).CloudWatchMetrics?.[0]?.Dimensions;
}

const identity = {
  authority: 'http',
  caller: callerArn,
  request_id: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
  invocation_id: '3f2b1c9e-0000-4000-8000-000000000001',
  account: 'one',
};

describe('an issued token', () => {
  it('promise 43: makes one audit record with caller, account, secret version, fingerprint, source and request id', () => {
    telemetry.issued(invocation, { ...grant, warning: 'renewal_failing' }, 'token');
    expect(lines()).toEqual([
      expect.objectContaining({
        level: 'INFO',
        service: 'the-function',
        audit: 'issue',
        ...identity,
        source: 'memory',
        token_sha256: token.fingerprint,
        secret_version: 'v-1',
        expires_at: new Date(expiresAt(token)).toISOString(),
        warning: 'renewal_failing',
      }),
    ]);
    expect(output.text()).not.toContain(token.accessToken);
  });

  it.each(['token', 'metadata'] as const)(
    'is recorded with want only when the caller asked for metadata: %s',
    (want) => {
      telemetry.issued(invocation, grant, want);
      expect(lines().map((line) => Object(line).want)).toEqual([want === 'metadata' ? want : undefined]);
    },
  );

  it('is counted by source, account and role, with the life that it has left', () => {
    telemetry.issued(invocation, { ...grant, remainingMs: 1500 }, 'token');
    expect(metrics()).toEqual([
      expect.objectContaining({
        [metricNames.served]: 1,
        [metricNames.remainingLife]: 1.5,
        service: 'the-function',
        source: 'memory',
        account: 'one',
        caller: role,
      }),
    ]);
    expect(dimensionsOf(metrics()[0])).toEqual([
      ['service'],
      ['service', 'source'],
      ['service', 'caller'],
      ['service', 'account'],
    ]);
  });
});

describe('a failed invocation', () => {
  it.each(['forbidden', 'unknown_account', 'invalid_account', 'invalid_request'] as const)(
    'promise 43: makes one audit record of a denial when the code is %s',
    (code) => {
      telemetry.failed(invocation, new BrokerError(code, 'what was wrong'));
      expect(lines()).toEqual([
        expect.objectContaining({ level: 'WARN', audit: 'denial', ...identity, code, detail: 'what was wrong' }),
      ]);
    },
  );

  it('makes one audit record of a failure when the code is not a denial', () => {
    telemetry.failed(invocation, new BrokerError('upstream_timeout', 'no answer in time'));
    expect(lines()).toEqual([expect.objectContaining({ level: 'ERROR', audit: 'failure', code: 'upstream_timeout' })]);
  });

  it('is counted by code and by role, and not by an account that is not configured', () => {
    telemetry.failed(invocation, new BrokerError('unknown_account', 'not configured'));
    expect(metrics()).toHaveLength(2);
    expect(metrics()[0]).toMatchObject({ [metricNames.errors]: 1, code: 'unknown_account', caller: role });
    expect(dimensionsOf(metrics()[0])).toEqual([['service'], ['service', 'code'], ['service', 'caller']]);
    expect(metrics()[1]).toMatchObject({ [metricNames.denied]: 1 });
    expect(metrics()[0]).not.toHaveProperty('account');
  });

  it.each([
    ['credentials_rejected', metricNames.credentialsRejected],
    ['too_many_refusals', metricNames.credentialsRejected],
    ['client_rejected', metricNames.clientRejected],
    ['forbidden', metricNames.denied],
    ['invalid_account', metricNames.denied],
  ] as const)('with the code %s is counted in the metric %s', (code, name) => {
    telemetry.failed(invocation, new BrokerError(code, 'a detail'));
    expect(metrics()[1]).toMatchObject({ [name]: 1 });
    expect(dimensionsOf(metrics()[1])).toEqual([['service']]);
  });

  it('is logged with the name and the frames of its cause, and without the text of the cause', () => {
    const canary = 'not-a-real-password';
    const cause = Object.assign(new Error(`${canary}\n    at ${canary} (file:///x/${canary}.ts:1:1)`), {
      code: 'ECONNRESET',
      [canary]: canary,
      cause: new Error(canary),
    });
    cause.stack = `Error: ${canary}\n    at send (file:///x/fegora.ts:12:7)\n    at node:internal/x:1:2\n    at ${canary}!`;
    telemetry.failed(invocation, new BrokerError('internal', 'unexpected failure', { cause }));
    expect(lines()).toEqual([
      expect.objectContaining({
        cause: 'ECONNRESET',
        frames: ['at send (file:///x/fegora.ts:12:7)', 'at node:internal/x:1:2'],
      }),
    ]);
    expect(output.text()).not.toContain(canary);
  });

  it('is logged with the first five frames of its cause', () => {
    const frames = Array.from({ length: 6 }, (_, index) => `at send (file:///x/fegora.ts:${index}:1)`);
    const cause = Object.assign(new Error('x'), { stack: ['Error: x', ...frames.map((at) => `    ${at}`)].join('\n') });
    telemetry.failed(invocation, new BrokerError('internal', 'unexpected failure', { cause }));
    expect(lines()).toEqual([expect.objectContaining({ frames: frames.slice(0, 5) })]);
  });

  it.each<[unknown, string]>([
    [new TypeError('not-a-real-password'), 'TypeError'],
    [Object.assign(new Error('x'), { name: 'not-a-real-password' }), 'unnamed'],
    [Object.assign(new Error('x'), { code: 42 }), 'Error'],
  ])('is logged with a safe name of its cause: %#', (cause, name) => {
    telemetry.failed(invocation, new BrokerError('internal', 'unexpected failure', { cause }));
    expect(lines()).toEqual([expect.objectContaining({ cause: name })]);
    expect(output.text()).not.toContain('not-a-real-password');
  });

  it('is logged without a cause when the cause is not an Error', () => {
    telemetry.failed(invocation, new BrokerError('internal', 'unexpected failure', { cause: 'not-a-real-password' }));
    expect(output.text()).not.toContain('not-a-real-password');
    expect(lines()[0]).not.toHaveProperty('cause');
  });
});

describe('a task on accounts', () => {
  const results = [{ account: 'one', outcome: 'failed:paused' } as const];

  it('makes one audit record with a result for each account', () => {
    telemetry.ran(invocation, 'pause', results);
    expect(lines()).toEqual([expect.objectContaining({ audit: 'task', task: 'pause', results, caller: callerArn })]);
    expect(metrics()).toEqual([]);
  });

  it('is counted when it is a warm-up', () => {
    telemetry.ran(invocation, 'warm', results);
    expect(metrics()).toEqual([expect.objectContaining({ [metricNames.warmUps]: 1 })]);
  });
});

describe('an observation of the broker', () => {
  it.each(['issued', 'invalid_grant'] as const)('counts and logs a login by outcome, with its time: %s', (outcome) => {
    telemetry.observe({ kind: 'login', account: 'one', outcome, ms: 42 });
    expect(metrics()).toEqual([
      expect.objectContaining({ [metricNames.logins]: 1, [metricNames.loginLatency]: 42, outcome }),
    ]);
    expect(dimensionsOf(metrics()[0])).toEqual([['service'], ['service', 'outcome']]);
    const level = outcome === 'issued' ? 'INFO' : 'WARN';
    expect(lines()).toEqual([expect.objectContaining({ level, account: 'one', outcome, ms: 42 })]);
  });

  it('counts the clock skew without its sign', () => {
    telemetry.observe({ kind: 'clock_skew', account: 'one', ms: -90_000 });
    expect(metrics()).toEqual([expect.objectContaining({ [metricNames.clockSkew]: 90_000 })]);
  });

  it('counts a login that Fegora refused in the metric of its alarm, without a log line', () => {
    telemetry.observe({ kind: 'failed', account: 'one', code: 'credentials_rejected' });
    telemetry.observe({ kind: 'failed', account: 'one', code: 'upstream_timeout' });
    expect(metrics()).toEqual([expect.objectContaining({ [metricNames.credentialsRejected]: 1 })]);
    expect(lines()).toEqual([]);
  });

  it('counts an invocation during a back-off without a log line', () => {
    telemetry.observe({ kind: 'retry_held', account: 'one' });
    expect(metrics()).toEqual([expect.objectContaining({ [metricNames.retryHeld]: 1 })]);
    expect(lines()).toEqual([]);
  });

  it.each<[Incident, string]>([
    ['guard_expired', metricNames.guardExpired],
    ['clock_unsteady', metricNames.clockUnsteady],
    ['item_malformed', metricNames.malformedItems],
    ['token_malformed', metricNames.malformedItems],
    ['table_unavailable', metricNames.tableUnavailable],
    ['publish_refused', metricNames.publishRefused],
    ['mark_unwritten', metricNames.markUnwritten],
    ['html_500_repeated', metricNames.html500Repeated],
  ])('counts and logs %s', (kind, name) => {
    telemetry.observe({ kind, account: 'one' });
    expect(metrics()).toEqual([expect.objectContaining({ [name]: 1, service: 'the-function' })]);
    expect(lines()).toEqual([expect.objectContaining({ message: kind, account: 'one', level: 'WARN' })]);
  });
});

describe('a metric document', () => {
  it('has the namespace of the contract, and nothing of the document before it', () => {
    telemetry.issued(invocation, grant, 'token');
    telemetry.observe({ kind: 'retry_held', account: 'two' });
    const last = metrics().at(-1);
    expect(Object(Object(last)._aws).CloudWatchMetrics).toEqual([
      {
        Namespace: metricNamespace,
        Dimensions: [['service']],
        Metrics: [{ Name: metricNames.retryHeld, Unit: 'Count' }],
      },
    ]);
    expect(last).not.toHaveProperty('source');
  });

  it('never has two metrics of the same name', () => {
    const names = Object.values(metricNames);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('promise 56: under a filter of Lambda', () => {
  const report = (filter?: string) => {
    const filtered = createTelemetry('the-function', Date.now, filter);
    filtered.issued(invocation, grant, 'token');
    filtered.failed(invocation, new BrokerError('forbidden', 'x'));
    filtered.failed(invocation, new BrokerError('upstream_timeout', 'x'));
    filtered.ran(invocation, 'warm', []);
    filtered.misconfigured([]);
  };

  it.each([
    [undefined, ['INFO', 'WARN', 'ERROR', 'INFO', 'ERROR']],
    ['DEBUG', ['INFO', 'WARN', 'ERROR', 'INFO', 'ERROR']],
    ['not a level', ['INFO', 'WARN', 'ERROR', 'INFO', 'ERROR']],
    ['WARN', ['WARN', 'WARN', 'ERROR', 'WARN', 'ERROR']],
    ['fatal', ['FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL']],
  ])('every record has a level that the filter %s lets pass', (filter, levels) => {
    report(filter);
    expect(lines().map(({ level }) => level)).toEqual(levels);
  });

  it('a metric document has a level and a time only when Lambda would drop it without them', () => {
    report('INFO');
    expect(metrics().filter((document) => 'level' in document || 'timestamp' in document)).toEqual([]);
    report('ERROR');
    const raised = metrics().slice(metrics().length / 2);
    const times = { timestamp: expect.stringMatching(/^\d{4}-.*Z$/), _aws: expect.anything() };
    expect(raised).toEqual(raised.map(() => expect.objectContaining({ level: 'ERROR', ...times })));
  });
});

describe('a faulty configuration', () => {
  it('is logged with the name of each variable', () => {
    telemetry.misconfigured([{ variable: 'FEGORA_TOKEN_URL', problem: 'is not a URL' }]);
    expect(lines()).toEqual([
      expect.objectContaining({ level: 'ERROR', faults: [{ variable: 'FEGORA_TOKEN_URL', problem: 'is not a URL' }] }),
    ]);
  });
});

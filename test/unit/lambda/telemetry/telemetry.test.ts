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

const lines = () => output.records();
const metrics = () => lines().filter((record) => '_aws' in record);

/** Each metric of a line with its sets of dimensions besides `service`, as CloudWatch reads it. */
function measured(line: object | undefined): Readonly<Record<string, unknown>> {
  const aws: unknown = Object(line)._aws;
  const directives: readonly unknown[] = Object(aws).CloudWatchMetrics ?? [];
  return Object.fromEntries(
    directives.map((directive) => {
      const { Dimensions, Metrics } = Object(directive);
      const name = String(Metrics[0].Name);
      const by = Dimensions.map(([, dimension = '']: readonly string[]) => dimension).sort();
      return [name, [Object(line)[name], by.join(' ').trim()]];
    }),
  );
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

  it('is counted in the same line, by account and role, with the life that it has left', () => {
    telemetry.issued(invocation, { ...grant, remainingMs: 1500 }, 'token');
    expect(lines()).toMatchObject([{ account: 'one', caller: callerArn, caller_role: role }]);
    expect(measured(lines()[0])).toEqual({
      [metricNames.failed]: [0, 'account caller_role'],
      [metricNames.remainingLife]: [1.5, ''],
    });
  });

  it('is counted for the caller `other` when 50 callers came before', () => {
    const capped = createTelemetry('the-function', Date.now);
    const roleOf = (name: string) => {
      capped.issued({ ...invocation, callerRole: name }, grant, 'token');
      return Object(lines().at(-1)).caller_role;
    };
    const names = Array.from({ length: 51 }, (_, index) => `role-${index}`);
    expect(names.map(roleOf)).toEqual([...names.slice(0, 50), 'other']);
    expect(roleOf('role-0')).toBe('role-0');
  });

  it('takes less than 0.9 KB when the caller invokes directly, also with the long name that CloudFormation makes', () => {
    const named = createTelemetry('FegoraTokenBroker-dev-BrokerFunction6D239162-AbCdEfGh1234', Date.now);
    const direct = describeInvocation({}, lambdaContext('account-main'), undefined);
    const version = { versionId: 'ad7366f4-2175-4100-976c-8add42fd4ea9', fingerprint: 'f'.repeat(64) };
    named.issued(direct, { ...grant, token: { ...token, ...version }, remainingMs: 1_234_567 }, 'token');
    expect(output.text().length).toBeLessThan(0.9 * 1024);
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

  it('is counted by code, account and role in the line of its record', () => {
    telemetry.failed(invocation, new BrokerError('upstream_timeout', 'no answer in time'));
    expect(lines()).toMatchObject([{ code: 'upstream_timeout', caller_role: role, account: 'one' }]);
    expect(measured(lines()[0])).toEqual({ [metricNames.failed]: [1, 'account caller_role code'] });
  });

  it('does not count for the account when a caller has used up its forced renewals', () => {
    telemetry.failed(invocation, new BrokerError('too_many_rejections', 'x'));
    expect(measured(lines()[0])).toEqual({ [metricNames.failed]: [1, 'caller_role code'] });
  });

  it.each([
    ['forbidden', metricNames.denied],
    ['invalid_account', metricNames.denied],
    ['paused', metricNames.paused],
  ] as const)('with the code %s is counted as %s only, without the caller', (code, name) => {
    telemetry.failed(invocation, new BrokerError(code, 'a detail'));
    expect(measured(lines()[0])).toEqual({ [name]: [1, ''] });
    expect(lines()[0]).not.toHaveProperty('caller_role');
  });

  it.each([
    ['credentials_rejected', metricNames.credentialsRejected],
    ['too_many_refusals', metricNames.credentialsRejected],
    ['client_rejected', metricNames.clientRejected],
    ['duplicate_user', metricNames.securitySigns],
    ['secret_unavailable', metricNames.secretUnavailable],
    ['internal', metricNames.operatorFaults],
  ] as const)('with the code %s is counted as %s too', (code, name) => {
    telemetry.failed(invocation, new BrokerError(code, 'a detail'));
    expect(measured(lines()[0])).toEqual({ [metricNames.failed]: [1, 'account caller_role code'], [name]: [1, ''] });
  });

  it('counts only for its account and its code when it is a warm-up', () => {
    const warmup = { ...describeInvocation({}, lambdaContext('warmup'), undefined), account: 'one' };
    telemetry.failed(warmup, new BrokerError('secret_missing', 'x'));
    expect(measured(lines()[0])).toEqual({
      [metricNames.failed]: [1, 'account'],
      [metricNames.operatorFaults]: [1, ''],
    });
  });

  it('is not counted when it answers an operator, who sees it', () => {
    const admin = describeInvocation({ account: 'typo' }, lambdaContext('admin'), undefined);
    telemetry.failed(admin, new BrokerError('unknown_account', 'x'));
    expect(lines()).toMatchObject([{ audit: 'denial', code: 'unknown_account' }]);
    expect(metrics()).toEqual([]);
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

  it('is counted when an account is paused, and only then', () => {
    telemetry.ran(invocation, 'warm', results);
    telemetry.ran(invocation, 'warm', [...results, { account: 'two', outcome: 'paused' }]);
    expect(lines().map(measured)).toEqual([{}, { [metricNames.paused]: [1, ''] }]);
  });
});

describe('an observation of the broker', () => {
  it('counts and logs a login in one line, with its time', () => {
    telemetry.observe({ kind: 'login', account: 'one', outcome: 'issued', ms: 42 });
    expect(lines()).toMatchObject([{ level: 'INFO', account: 'one', outcome: 'issued', ms: 42 }]);
    expect(measured(lines()[0])).toEqual({ [metricNames.loginLatency]: [42, ''] });
  });

  it.each(['invalid_grant', 'other_user'] as const)('counts a login without a token by outcome: %s', (outcome) => {
    telemetry.observe({ kind: 'login', account: 'one', outcome, ms: 42 });
    expect(lines()).toMatchObject([{ level: 'WARN', account: 'one', outcome, ms: 42 }]);
    expect(measured(lines()[0])).toEqual({
      [metricNames.loginLatency]: [42, ''],
      [metricNames.loginsFailed]: [1, 'outcome'],
      ...(outcome === 'other_user' && { [metricNames.securitySigns]: [1, ''] }),
    });
  });

  it('counts a login by its grant, if it names one', () => {
    telemetry.observe({ kind: 'login', account: 'one', outcome: 'issued', ms: 42, grant: 'refresh_token' });
    telemetry.observe({ kind: 'login', account: 'one', outcome: 'refresh_refused', ms: 7, grant: 'refresh_token' });
    expect(lines()).toMatchObject([
      { level: 'INFO', outcome: 'issued', grant: 'refresh_token' },
      { level: 'WARN', outcome: 'refresh_refused', grant: 'refresh_token' },
    ]);
    const directives = Object(lines()[1])._aws.CloudWatchMetrics;
    expect(directives.map(({ Dimensions }: { Dimensions: unknown }) => Dimensions)).toEqual([
      [['service'], ['service', 'grant']],
      [
        ['service', 'outcome'],
        ['service', 'grant'],
      ],
    ]);
  });

  it('counts the clock skew without its sign, and only from 5 s on', () => {
    telemetry.observe({ kind: 'clock_skew', account: 'one', ms: -4999 });
    telemetry.observe({ kind: 'clock_skew', account: 'one', ms: -5000 });
    expect(metrics().map(measured)).toEqual([{ [metricNames.clockSkew]: [5000, ''] }]);
  });

  it('counts a login that Fegora refused in the metric of its alarm', () => {
    telemetry.observe({ kind: 'failed', account: 'one', code: 'credentials_rejected' });
    telemetry.observe({ kind: 'failed', account: 'one', code: 'upstream_timeout' });
    expect(lines()).toMatchObject([{ account: 'one', code: 'credentials_rejected' }]);
    expect(lines().map(measured)).toEqual([{ [metricNames.credentialsRejected]: [1, ''] }]);
  });

  it.each<[Incident, string | undefined]>([
    ['guard_expired', undefined],
    ['clock_unsteady', undefined],
    ['item_malformed', undefined],
    ['publish_refused', undefined],
    ['user_taken_over', undefined],
    ['token_malformed', metricNames.securitySigns],
    ['table_unavailable', metricNames.tableUnavailable],
    ['mark_unwritten', metricNames.securitySigns],
    ['budget_half_used', metricNames.budgetHalfUsed],
    ['html_500_repeated', metricNames.html500Repeated],
  ])('logs %s, and counts it as %s', (kind, name) => {
    telemetry.observe({ kind, account: 'one' });
    expect(lines()).toMatchObject([{ message: kind, account: 'one', level: 'WARN', service: 'the-function' }]);
    expect(lines().map(measured)).toEqual([name === undefined ? {} : { [name]: [1, ''] }]);
  });
});

describe('the metrics of a line', () => {
  it('have the form of the specification', () => {
    telemetry.observe({ kind: 'login', account: 'two', outcome: 'doubt', ms: 7 });
    expect(Object(lines()[0])._aws).toEqual({
      Timestamp: expect.any(Number),
      CloudWatchMetrics: [
        {
          Namespace: metricNamespace,
          Dimensions: [['service']],
          Metrics: [{ Name: metricNames.loginLatency, Unit: 'Milliseconds' }],
        },
        {
          Namespace: metricNamespace,
          Dimensions: [['service'], ['service', 'outcome']],
          Metrics: [{ Name: metricNames.loginsFailed }],
        },
      ],
    });
  });

  it('never have the same name twice', () => {
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

  it('every line with metrics has a level that the filter lets pass', () => {
    const filtered = createTelemetry('the-function', Date.now, 'ERROR');
    filtered.observe({ kind: 'login', account: 'one', outcome: 'issued', ms: 42 });
    filtered.observe({ kind: 'budget_half_used', account: 'one' });
    expect(metrics()).toMatchObject(metrics().map(() => ({ level: 'ERROR' })));
    expect(metrics()).toHaveLength(2);
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

describe('an account without metrics of its own', () => {
  const onlyOthers = createTelemetry('the-function', Date.now, undefined, (account) => account !== 'one');
  const warmup = describeInvocation({}, lambdaContext('warmup'), undefined);

  it('is in the audit record and in no dimension, whether it is served or not', () => {
    onlyOthers.issued(invocation, grant, 'token');
    onlyOthers.failed(invocation, new BrokerError('upstream_timeout', 'a detail'));
    expect(lines()).toMatchObject([{ account: 'one' }, { account: 'one' }]);
    expect(metrics().map((line) => measured(line)[metricNames.failed])).toEqual([
      [0, 'caller_role'],
      [1, 'caller_role code'],
    ]);
  });

  it('counts by no account when its warm-up fails, and another account does', () => {
    const error = new BrokerError('secret_missing', 'a detail');
    onlyOthers.failed({ ...warmup, account: 'one' }, error);
    onlyOthers.failed({ ...warmup, account: 'two' }, error);
    expect(metrics().map(measured)).toEqual([
      { [metricNames.operatorFaults]: [1, ''] },
      { [metricNames.failed]: [1, 'account'], [metricNames.operatorFaults]: [1, ''] },
    ]);
  });
});

it('counts throttled calls for unknown accounts as denials, with no dimension of the account', () => {
  telemetry.failed(invocation, new BrokerError('throttled', 'a detail'));
  expect(lines()).toMatchObject([{ audit: 'denial', account: 'one', code: 'throttled' }]);
  expect(measured(lines()[0])).toEqual({ [metricNames.denied]: [1, ''] });
});

it('promise 65: lets codes that an unknown id can get decide about no dimension of the account', () => {
  const asked: unknown[] = [];
  const asking = createTelemetry('the-function', Date.now, undefined, (account, code) => {
    asked.push([account, code]);
    return code !== 'secret_unavailable';
  });
  asking.failed(invocation, new BrokerError('secret_unavailable', 'a detail'));
  asking.failed(invocation, new BrokerError('upstream_timeout', 'a detail'));
  expect(asked).toEqual([
    ['one', 'secret_unavailable'],
    ['one', 'upstream_timeout'],
  ]);
  expect(metrics().map((line) => measured(line)[metricNames.failed])).toEqual([
    [1, 'caller_role code'],
    [1, 'account caller_role code'],
  ]);
});

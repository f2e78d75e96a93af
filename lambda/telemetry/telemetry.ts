// Writes the log lines and the metrics of everything that the function does. Created by handler.ts.
import type { Grant } from '../broker/contract.ts';
import type { Observation } from '../broker/ports.ts';
import type { Fault } from '../config.ts';
import type { ErrorCode } from '../errors.ts';
import type { Invocation, Report } from '../events/invocation.ts';
import { errorFields, grantFields, invocationFields } from './fields.ts';
import { type MetricName, metricNames } from './metric-names.ts';
import { type Dimension, embed, type Measured } from './metrics.ts';
import { createPassingLevel, createRecord, type WriteRecord } from './record.ts';
import { answerMetrics, callersOwn, codeMetrics, incidentMetrics } from './signals.ts';

/** Everything that the function reports about itself. None of it throws. */
export interface Telemetry extends Report {
  readonly observe: (observation: Observation) => void;
  readonly misconfigured: (faults: readonly Fault[]) => void;
}

/** Metrics of calls that users do not miss a token by: the caller is at fault, or an operator wanted it so. */
const notFailed: ReadonlySet<MetricName | undefined> = new Set([metricNames.denied, metricNames.paused]);

/** Fegora states its time in whole seconds, and an answer takes some time. Milliseconds. */
const leastSkewMs = 5000;

/** How many callers one environment writes metrics of. Each costs 0.30 USD a month. */
const mostCallers = 50;

/**
 * Creates the log and the metrics. Each call writes one line at once, which is its audit record and its metrics. So nothing
 * has to be flushed before the answer, and concurrent invocations share no state. A line contains only fields that this
 * file names: it never logs a whole event, configuration or error.
 *
 * Lambda drops no audit record, no metric and no fault of the configuration, whatever its log level. It may drop what else the
 * log says of trouble.
 *
 * @param service the function's name: the dimension that separates two deployments in one AWS account
 * @param now epoch milliseconds
 * @param filter `AWS_LAMBDA_LOG_LEVEL`: the level below which Lambda drops lines
 * @param isMeasured whether an account has metrics of its own, which cost 0.30 USD a month each. `code` is that of a failed call: some
 *   codes do not say that there is such an account
 */
export function createTelemetry(
  service: string,
  now: () => number,
  filter?: string,
  isMeasured: (account: string, code?: ErrorCode) => boolean = () => true,
): Telemetry {
  const record = createRecord(service, now, createPassingLevel(filter));
  const logTrouble = createRecord(service, now, (level) => level);
  const roleOf = createCallerCap();
  const measured = (invocation: Invocation, code?: ErrorCode): Invocation =>
    isMeasured(invocation.account ?? '', code) ? invocation : { ...invocation, account: undefined };
  const measure: Measure = (level, message, fields, metrics) =>
    record(level, message, { ...fields, ...(metrics.length > 0 && embed(metrics, now())) });

  return {
    issued: (invocation, grant, want) => {
      const fields = {
        audit: 'issue',
        ...invocationFields(invocation),
        ...grantFields(grant, want),
        ...roleOf(invocation),
      };
      measure('INFO', 'token issued', fields, issueMetrics(measured(invocation), grant));
    },
    failed: (invocation, error) => {
      const isDenial = codeMetrics[error.code] === metricNames.denied;
      const audit = isDenial ? 'denial' : 'failure';
      const fields = { audit, ...invocationFields(invocation), ...errorFields(error) };
      const metrics = failureMetrics(measured(invocation, error.code), error.code);
      const role = metrics.some(({ by }) => by?.includes('caller_role')) ? roleOf(invocation) : {};
      measure(isDenial ? 'WARN' : 'ERROR', 'call failed', { ...fields, ...role }, metrics);
    },
    ran: (invocation, task, results) => {
      const isPaused = results.some(({ outcome }) => outcome === 'paused');
      const fields = { audit: 'task', ...invocationFields(invocation), task, results };
      measure('INFO', 'task ran', fields, isPaused ? countOf(metricNames.paused) : []);
    },
    observe: (observation) => observe(observation, logTrouble, measure),
    misconfigured: (faults) => record('ERROR', 'configuration refused', { faults }),
  };
}

type Measure = (
  level: Parameters<WriteRecord>[0],
  message: string,
  fields: Readonly<Record<string, unknown>>,
  metrics: readonly Measured[],
) => void;

/** Names the role of a caller, as a dimension: `other` for those that come when there are too many. */
function createCallerCap(): (invocation: Invocation) => { readonly caller_role: string } {
  const known = new Set<string>();
  return ({ callerRole }) => {
    if (known.size < mostCallers) {
      known.add(callerRole);
    }
    return { caller_role: known.has(callerRole) ? callerRole : 'other' };
  };
}

function countOf(name: MetricName | undefined): readonly Measured[] {
  return name === undefined ? [] : [{ name, value: 1 }];
}

function callDimensions({ account }: Invocation): readonly (Dimension | undefined)[] {
  return [undefined, 'caller_role', ...(account === undefined ? [] : ['account' as const])];
}

function issueMetrics(invocation: Invocation, { remainingMs }: Grant): readonly Measured[] {
  return [
    { name: metricNames.failed, value: 0, by: callDimensions(invocation) },
    { name: metricNames.remainingLife, value: remainingMs / 1000, unit: 'Seconds' },
  ];
}

type Observed<K extends Observation['kind']> = Extract<Observation, { readonly kind: K }>;

/** A refused refresh is not a failed login for the alarm: the password follows. */
function failedLoginBy(outcome: string, byGrant: readonly Dimension[]): readonly (Dimension | undefined)[] {
  return [...(outcome === 'refresh_refused' ? [] : [undefined]), 'outcome', ...byGrant];
}

/** In password mode no dimension is added: each costs as much as a metric. */
function loginMetrics({ outcome, ms, grant }: Observed<'login'>): readonly Measured[] {
  const byGrant = grant === undefined ? [] : (['grant'] as const);
  return [
    { name: metricNames.loginLatency, value: ms, unit: 'Milliseconds', by: [undefined, ...byGrant] },
    ...(outcome === 'issued'
      ? []
      : [{ name: metricNames.loginsFailed, value: 1, by: failedLoginBy(outcome, byGrant) }]),
    ...countOf(answerMetrics[outcome]),
  ];
}

/** A failed warm-up counts for its account only: no user has felt it yet. An operator sees the failure of a command. */
function failureMetrics(invocation: Invocation, code: ErrorCode): readonly Measured[] {
  const name: MetricName | undefined = codeMetrics[code];
  const own = countOf(name);
  switch (invocation.entryPoint) {
    case 'admin':
      return [];
    case 'warmup':
      return invocation.account === undefined ? own : [{ name: metricNames.failed, value: 1, by: ['account'] }, ...own];
    default:
      return notFailed.has(name)
        ? own
        : [{ name: metricNames.failed, value: 1, by: failureDimensions(invocation, code) }, ...own];
  }
}

function failureDimensions(invocation: Invocation, code: ErrorCode): readonly (Dimension | undefined)[] {
  const by = callDimensions(invocation).filter((dimension) => dimension !== 'account' || !callersOwn.has(code));
  return [...by, 'code'];
}

function observe(observation: Observation, logTrouble: WriteRecord, measure: Measure): void {
  const { kind, account } = observation;
  switch (kind) {
    case 'login': {
      const { outcome, ms, grant } = observation;
      const fields = { account, outcome, ms, ...(grant !== undefined && { grant }) };
      measure(outcome === 'issued' ? 'INFO' : 'WARN', 'login', fields, loginMetrics(observation));
      return;
    }
    case 'clock_skew':
      observeSkew(observation, measure);
      return;
    case 'failed':
      observeFailure(observation, measure);
      return;
    default: {
      const metrics = countOf(incidentMetrics[kind]);
      if (metrics.length > 0) {
        measure('WARN', kind, { account }, metrics);
      } else {
        logTrouble('WARN', kind, { account });
      }
    }
  }
}

function observeSkew({ account, ms }: Observed<'clock_skew'>, measure: Measure): void {
  const skewMs = Math.abs(ms);
  if (skewMs >= leastSkewMs) {
    const metric = { name: metricNames.clockSkew, value: skewMs, unit: 'Milliseconds' } as const;
    measure('INFO', 'clock_skew', { account, ms }, [metric]);
  }
}

function observeFailure({ account, code }: Observed<'failed'>, measure: Measure): void {
  const metrics = countOf(codeMetrics[code]);
  if (metrics.length > 0) {
    measure('WARN', 'login failed', { account, code }, metrics);
  }
}

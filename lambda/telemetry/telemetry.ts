// Writes the log lines and the metrics of everything that the function does. Created by handler.ts.
import type { Grant } from '../broker/contract.ts';
import type { Incident, Observation } from '../broker/ports.ts';
import { expiresAt } from '../broker/token.ts';
import type { Fault } from '../config.ts';
import type { BrokerError, ErrorCode } from '../errors.ts';
import type { Invocation, Report } from '../events/invocation.ts';
import { metricNames } from './metric-names.ts';
import { createEmit, type Emit } from './metrics.ts';
import { createPassingLevel, createRecord } from './record.ts';
import { createTroubleLog, type TroubleLog } from './trouble-log.ts';

/** Everything that the function reports about itself. None of it throws. */
export interface Telemetry extends Report {
  readonly observe: (observation: Observation) => void;
  readonly misconfigured: (faults: readonly Fault[]) => void;
}

const incidentMetrics: Readonly<Record<Incident, string>> = {
  guard_expired: metricNames.guardExpired,
  clock_unsteady: metricNames.clockUnsteady,
  item_malformed: metricNames.malformedItems,
  token_malformed: metricNames.malformedItems,
  table_unavailable: metricNames.tableUnavailable,
  publish_refused: metricNames.publishRefused,
  mark_unwritten: metricNames.markUnwritten,
  retry_held: metricNames.retryHeld,
  html_500_repeated: metricNames.html500Repeated,
  user_taken_over: metricNames.userTakenOver,
  budget_half_used: metricNames.budgetHalfUsed,
};

/** Codes that have their own metric, and so their own alarm. A login or an invocation may end with them. */
const codeMetrics: Readonly<Partial<Record<ErrorCode, string>>> = {
  credentials_rejected: metricNames.credentialsRejected,
  too_many_refusals: metricNames.credentialsRejected,
  client_rejected: metricNames.clientRejected,
  duplicate_user: metricNames.duplicateUser,
  forbidden: metricNames.denied,
  unknown_account: metricNames.denied,
  invalid_account: metricNames.denied,
};

const denials: ReadonlySet<ErrorCode> = new Set(['forbidden', 'unknown_account', 'invalid_account', 'invalid_request']);

/**
 * Creates the log and the metrics. Each call writes its lines at once, so that nothing has to be flushed before the
 * answer, and concurrent invocations share no state. A line contains only fields that this file names: it never logs a
 * whole event, configuration or error.
 *
 * Audit records, metrics and faults of the configuration are always written. What else the log says of trouble follows the
 * log level that the environment asks for.
 *
 * @param service the function's name: the dimension that separates two deployments in one AWS account
 * @param now epoch milliseconds
 * @param filter `AWS_LAMBDA_LOG_LEVEL`: the level below which Lambda drops lines
 */
export function createTelemetry(service: string, now: () => number, filter?: string): Telemetry {
  const passing = createPassingLevel(filter);
  const record = createRecord(service, now, passing);
  const logger = createTroubleLog(service, record);
  const emit = createEmit(service, now, passing);
  const countCode = (code: ErrorCode) => {
    const name = codeMetrics[code];
    if (name !== undefined) {
      emit([[name, 'Count', 1]]);
    }
  };

  return {
    issued: (invocation, grant, want) => {
      const dimensions = {
        source: grant.source,
        caller: invocation.callerRole,
        ...(invocation.account !== undefined && { account: invocation.account }),
      };
      inOneWrite(() => {
        record('INFO', 'token issued', {
          audit: 'issue',
          ...invocationFields(invocation),
          ...grantFields(grant, want),
        });
        emit(
          [
            [metricNames.served, 'Count', 1],
            [metricNames.remainingLife, 'Seconds', grant.remainingMs / 1000],
          ],
          dimensions,
        );
      });
    },
    failed: (invocation, error) => {
      const audit = denials.has(error.code) ? 'denial' : 'failure';
      const fields = { audit, ...invocationFields(invocation), ...errorFields(error) };
      inOneWrite(() => {
        record(audit === 'denial' ? 'WARN' : 'ERROR', 'call failed', fields);
        emit([[metricNames.errors, 'Count', 1]], { code: error.code, caller: invocation.callerRole });
        countCode(error.code);
      });
    },
    ran: (invocation, task, results) => {
      record('INFO', 'task ran', { audit: 'task', ...invocationFields(invocation), task, results });
      if (task === 'warm') {
        emit([[metricNames.warmUps, 'Count', 1]]);
      }
    },
    observe: (observation) => observe(observation, { logger, emit, countCode }),
    misconfigured: (faults) => record('ERROR', 'configuration refused', { faults }),
  };
}

/** Joins the lines into one write. Lambda reads the log at each write, and that takes longer than making a line. */
function inOneWrite(writeLines: () => void): void {
  process.stdout.cork();
  try {
    writeLines();
  } finally {
    process.stdout.uncork();
  }
}

interface Outputs {
  readonly logger: TroubleLog;
  readonly emit: Emit;
  readonly countCode: (code: ErrorCode) => void;
}

function observe(observation: Observation, { logger, emit, countCode }: Outputs): void {
  switch (observation.kind) {
    case 'login': {
      const { account, outcome, ms } = observation;
      logger[outcome === 'issued' ? 'info' : 'warn']('login', { account, outcome, ms });
      emit(
        [
          [metricNames.logins, 'Count', 1],
          [metricNames.loginLatency, 'Milliseconds', ms],
        ],
        { outcome },
      );
      return;
    }
    case 'clock_skew':
      emit([[metricNames.clockSkew, 'Milliseconds', Math.abs(observation.ms)]]);
      return;
    case 'failed':
      // The observation of the login writes the log line.
      countCode(observation.code);
      return;
    default:
      // In an outage there is one for each invocation, which writes its own line.
      if (observation.kind !== 'retry_held') {
        logger.warn(observation.kind, { account: observation.account });
      }
      emit([[incidentMetrics[observation.kind], 'Count', 1]]);
  }
}

function invocationFields(invocation: Invocation): Readonly<Record<string, string>> {
  return {
    authority: invocation.entryPoint,
    caller: invocation.caller,
    request_id: invocation.requestId,
    invocation_id: invocation.invocationId,
    ...(invocation.account !== undefined && { account: invocation.account }),
  };
}

function grantFields(grant: Grant, want: 'token' | 'metadata'): Readonly<Record<string, string>> {
  const { token, source, warning } = grant;
  return {
    source,
    token_sha256: token.fingerprint,
    secret_version: token.versionId,
    expires_at: new Date(expiresAt(token)).toISOString(),
    // The caller of `metadata` did not get the token.
    ...(want === 'metadata' && { want }),
    ...(warning !== undefined && { warning }),
  };
}

/** The detail names stages and fields, never values. The cause may quote anything: only its name and place are logged. */
function errorFields(error: BrokerError): Readonly<Record<string, string | readonly string[]>> {
  const { cause } = error;
  return {
    code: error.code,
    detail: error.message,
    ...(cause instanceof Error && { cause: causeName(cause), frames: framesOf(cause) }),
  };
}

/** The system's error code if there is one. The answer of a service may contain a `code` too, with any text in it. */
function causeName(cause: Error): string {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (/^[A-Z][A-Z0-9_]{1,63}$/.test(code)) {
    return code;
  }
  return /^\w{1,64}$/.test(cause.name) ? cause.name : 'unnamed';
}

function framesOf(cause: Error): readonly string[] {
  const frame = /^ +at (?:[\w.<>$ ]+ \()?(?:file:|node:|\/)[\w./:@+-]+:\d+:\d+\)?$/;
  return (cause.stack ?? '')
    .split('\n')
    .filter((line) => frame.test(line))
    .slice(0, 5)
    .map((line) => line.trim());
}

import { Logger } from '@aws-lambda-powertools/logger';
import type { Grant } from '../broker/broker.ts';
import type { Incident, Observation } from '../broker/ports.ts';
import { expiresAt } from '../broker/token.ts';
import type { Fault } from '../config.ts';
import type { BrokerError, ErrorCode } from '../errors.ts';
import type { Call, Report } from '../events/invocation.ts';
import { metricNames } from './metric-names.ts';
import { createEmit, type Emit } from './metrics.ts';

/** Everything the function says of itself. */
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
};

/** Codes that have a metric, and so an alarm, of their own, whether a login or a call ended so. */
const codeMetrics: Readonly<Partial<Record<ErrorCode, string>>> = {
  credentials_rejected: metricNames.credentialsRejected,
  client_rejected: metricNames.clientRejected,
  forbidden: metricNames.denied,
  unknown_account: metricNames.denied,
  invalid_account: metricNames.denied,
};

const denials: ReadonlySet<ErrorCode> = new Set(['forbidden', 'unknown_account', 'invalid_account', 'invalid_request']);

/**
 * Log and metrics. Every line and every metric is written at once and whole, from named fields alone: there is nothing
 * to flush before the answer and no state that concurrent invocations could share, and no event, configuration or error
 * is ever logged as it is.
 *
 * @param service the function's name: the dimension that keeps two deployments in one account apart
 * @param now epoch milliseconds
 */
export function createTelemetry(service: string, now: () => number): Telemetry {
  const logger = new Logger({ serviceName: service });
  const emit = createEmit(service, now);
  const countCode = (code: ErrorCode) => {
    const name = codeMetrics[code];
    if (name !== undefined) {
      emit([[name, 'Count', 1]]);
    }
  };

  return {
    issued: (call, grant, want) => {
      const dimensions = {
        source: grant.source,
        caller: call.callerRole,
        ...(call.account !== undefined && { account: call.account }),
      };
      inOneWrite(() => {
        logger.info('token issued', { audit: 'issue', ...described(call), ...granted(grant, want) });
        emit(
          [
            [metricNames.served, 'Count', 1],
            [metricNames.remainingLife, 'Seconds', grant.remainingMs / 1000],
          ],
          dimensions,
        );
      });
    },
    failed: (call, error) => {
      const audit = denials.has(error.code) ? 'denial' : 'failure';
      logger[audit === 'denial' ? 'warn' : 'error']('call failed', { audit, ...described(call), ...explained(error) });
      emit([[metricNames.errors, 'Count', 1]], { code: error.code, caller: call.callerRole });
      countCode(error.code);
    },
    ran: (call, task, results) => {
      logger.info('task ran', { audit: 'task', ...described(call), task, results });
      if (task === 'warm') {
        emit([[metricNames.warmUps, 'Count', 1]]);
      }
    },
    observe: (observation) => observe(observation, { logger, emit, countCode }),
    misconfigured: (faults) => logger.error('configuration refused', { faults }),
  };
}

/** Each write wakes whoever reads the log, which takes longer than to make a line. */
function inOneWrite(writeLines: () => void): void {
  process.stdout.cork();
  try {
    writeLines();
  } finally {
    process.stdout.uncork();
  }
}

interface Outlets {
  readonly logger: Logger;
  readonly emit: Emit;
  readonly countCode: (code: ErrorCode) => void;
}

function observe(observation: Observation, { logger, emit, countCode }: Outlets): void {
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
      // Its line is the login's.
      countCode(observation.code);
      return;
    default:
      // In an outage every call is held, and has a line of its own.
      if (observation.kind !== 'retry_held') {
        logger.warn(observation.kind, { account: observation.account });
      }
      emit([[incidentMetrics[observation.kind], 'Count', 1]]);
  }
}

function described(call: Call): Readonly<Record<string, string>> {
  return {
    authority: call.authority,
    caller: call.caller,
    request_id: call.requestId,
    invocation_id: call.invocationId,
    ...(call.account !== undefined && { account: call.account }),
  };
}

function granted({ token, source, warning }: Grant, want: 'token' | 'metadata'): Readonly<Record<string, string>> {
  return {
    source,
    token_sha256: token.fingerprint,
    secret_version: token.versionId,
    expires_at: new Date(expiresAt(token)).toISOString(),
    // Its caller holds no token.
    ...(want === 'metadata' && { want }),
    ...(warning !== undefined && { warning }),
  };
}

/** A detail names stages and fields, never values. What caused it may quote anything, so only where it arose is told. */
function explained(error: BrokerError): Readonly<Record<string, string | readonly string[]>> {
  const { cause } = error;
  return {
    code: error.code,
    detail: error.message,
    ...(cause instanceof Error && { cause: causeName(cause), frames: framesOf(cause) }),
  };
}

/** The system's own code where there is one; a service's answer can bring a `code` too, with any text in it. */
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

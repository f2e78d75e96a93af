// Writes one line for each request: what was asked of Fegora and how it ended, and metrics. Called by requests.ts; requests.test.ts tests it.
import { createPassingLevel, createRecord } from '../../../lambda/telemetry/record.ts';
import { requestMetrics, requestNamespace } from '../metric-names.ts';
import { nameOf, type RequestFailure } from './failure.ts';

/** What a line says of a request. It never has a query, a header, a body or a token. */
export interface Entry {
  readonly account?: string;
  readonly method?: string;
  /** Without the query. */
  readonly path?: string;
  /** How often the request was sent. */
  readonly attempts?: number;
  /** Fingerprint of the last token. */
  readonly token_sha256?: string;
  /** Fegora's status. */
  readonly status?: number;
  readonly ms: number;
  /** Lambda's id, by which the caller can name the request. */
  readonly request_id: string;
}

/** Writes the line of a request. Undefined: it has a result. */
export type Audit = (entry: Entry, failure: RequestFailure | undefined) => void;

/** What a caller has to correct. The share of failed requests is about everything else. */
const callersOwn = new Set(['invalid_request', 'fegora_refused', 'fegora_answer_too_large']);

/**
 * Creates the writer. The construct sets the log level FATAL, so that the runtime does not log thrown errors: they have
 * texts of Fegora. Lambda drops lines below that level, so each line has it.
 *
 * @param env `AWS_LAMBDA_FUNCTION_NAME` and `AWS_LAMBDA_LOG_LEVEL`
 * @param now epoch milliseconds
 */
export function createAudit(env: Readonly<Record<string, string | undefined>>, now: () => number): Audit {
  const service = env.AWS_LAMBDA_FUNCTION_NAME ?? 'fegora-requests';
  const record = createRecord(service, now, createPassingLevel(env.AWS_LAMBDA_LOG_LEVEL));
  return (entry, failure) => {
    const isFailed = failure !== undefined && !callersOwn.has(failure.code);
    const metrics = {
      [requestMetrics.failed]: isFailed ? 1 : 0,
      ...(failure?.code === 'fegora_outcome_unknown' && { [requestMetrics.outcomeUnknown]: 1 }),
    };
    const outcome = failure === undefined ? 'done' : nameOf(failure.code);
    record(failure === undefined ? 'INFO' : 'WARN', 'request', {
      ...entry,
      outcome,
      ...(failure?.cause !== undefined && { fault: faultOf(failure.cause) }),
      ...metrics,
      // As Lambda's own metrics, at the start of the request: an alarm compares them.
      ...emf(metrics, now() - entry.ms),
    });
  };
}

/** Where a fault of ours is. Its message may quote a body. */
function faultOf(cause: unknown): readonly string[] {
  const { name, stack }: { name?: unknown; stack?: unknown } = Object(cause);
  const places = String(stack).match(/^ +at .*$/gm) ?? [];
  return [String(name), ...places.slice(0, 5).map((place) => place.trim())];
}

function emf(metrics: object, Timestamp: number) {
  const Metrics = Object.keys(metrics).map((Name) => ({ Name }));
  return {
    _aws: { Timestamp, CloudWatchMetrics: [{ Namespace: requestNamespace, Dimensions: [['service']], Metrics }] },
  };
}

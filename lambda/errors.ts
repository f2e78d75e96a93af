// The error codes of the contract, with the status and the text of each. Used everywhere in lambda/.

/** What a caller sees of a code: the HTTP status, whether a retry may help, and a fixed text. */
interface PublicError {
  readonly status: number;
  readonly retryable: boolean;
  readonly text: string;
}

/** The only table from code to status and public text. No other file makes a text that a caller reads. */
const publicErrors = {
  invalid_request: { status: 400, retryable: false, text: 'The request is not of the form this API takes.' },
  invalid_account: { status: 400, retryable: false, text: 'The account id is not well formed.' },
  forbidden: { status: 403, retryable: false, text: 'The caller may not do this.' },
  unknown_account: { status: 404, retryable: false, text: 'No such account is configured.' },
  too_many_rejections: {
    status: 429,
    retryable: true,
    text: 'Too many tokens of this account were reported as rejected.',
  },
  throttled: { status: 429, retryable: true, text: 'Too many requests.' },
  internal: { status: 500, retryable: false, text: 'The broker failed.' },
  configuration: { status: 500, retryable: false, text: 'The broker is not configured correctly.' },
  secret_malformed: { status: 500, retryable: false, text: 'The secret of this account is not of the expected form.' },
  secret_missing: { status: 500, retryable: false, text: 'The secret of this account does not exist.' },
  duplicate_user: {
    status: 500,
    retryable: false,
    text: 'Another account of this broker uses the Fegora user of this account.',
  },
  credentials_missing: { status: 500, retryable: false, text: 'The secret of this account has no value yet.' },
  credentials_rejected: { status: 502, retryable: false, text: 'Fegora refuses the credentials of this account.' },
  client_rejected: { status: 502, retryable: false, text: 'Fegora refuses the client id.' },
  upstream_contract: { status: 502, retryable: false, text: 'Fegora refuses the form of the login request.' },
  upstream_rejected: { status: 502, retryable: false, text: 'Fegora refused the login.' },
  upstream_redirect: { status: 502, retryable: false, text: 'Fegora answered with a redirect, which is not followed.' },
  upstream_tls: { status: 502, retryable: false, text: 'No trusted TLS connection to Fegora could be made.' },
  upstream_invalid_response: {
    status: 502,
    retryable: false,
    text: 'Fegora answered with an unusable token response.',
  },
  upstream_unavailable: { status: 503, retryable: true, text: 'Fegora is unavailable.' },
  upstream_timeout: { status: 503, retryable: true, text: 'Fegora did not answer in time.' },
  upstream_throttled: { status: 503, retryable: true, text: 'Fegora asks for fewer logins.' },
  renewal_in_progress: { status: 503, retryable: true, text: 'A login for this account is under way.' },
  secret_unavailable: { status: 503, retryable: true, text: 'The secret of this account cannot be read now.' },
  table_unavailable: { status: 503, retryable: true, text: 'The shared token table cannot be used now.' },
  too_many_refusals: {
    status: 503,
    retryable: true,
    text: 'Fegora refused this user several times: no login is tried for a while, so that Fegora does not lock it.',
  },
  login_budget: { status: 503, retryable: true, text: 'The login budget of this Fegora user is used up for now.' },
  paused: { status: 503, retryable: true, text: 'This account is paused.' },
  deadline: { status: 503, retryable: true, text: 'Too little time was left to log in.' },
} as const satisfies Record<string, PublicError>;

/** Every way in which the broker refuses or fails. The spelling is part of the contract with callers. */
export type ErrorCode = keyof typeof publicErrors;

/** Codes with which an id can be answered that no account has. So they do not say that an account has the id. */
export const codesOfAnyId: ReadonlySet<ErrorCode | undefined> = new Set([
  'unknown_account',
  'throttled',
  'secret_unavailable',
  'table_unavailable',
  'configuration',
  'deadline',
  'internal',
]);

/** Returns every code, in the order of the table. */
export function errorCodes(): readonly ErrorCode[] {
  return Object.keys(publicErrors).filter(isErrorCode);
}

/** The value for a retryable error without a better one. Seconds. */
const defaultRetryAfterSeconds = 1;

/** The error body of RFC 6749 section 5.2, with what a caller needs to decide about a retry. */
export interface ErrorBody {
  readonly error: ErrorCode;
  readonly error_description: string;
  /** The member of the request that is at fault. Only with `invalid_request`, and only if it is one member. */
  readonly member?: string;
  readonly retryable: boolean;
  /** Whole seconds, at least 1. Present if `retryable`. */
  readonly retry_after?: number;
  readonly request_id: string;
}

/** What is wrong with a request, in words that the caller sees. It never repeats a value. */
interface RequestFault {
  readonly problem: string;
  readonly member?: string;
}

/**
 * A failure with a code of the contract. `detail` is for our own log: it names variables, fields and stages, never
 * their values. Callers see only the text of the table, and the fault of their request if there is one.
 */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: ErrorCode;
  /** Milliseconds from now after which a retry may succeed. */
  readonly retryAfterMs: number | undefined;
  private readonly fault: RequestFault | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    options: { readonly retryAfterMs?: number; readonly cause?: unknown; readonly fault?: RequestFault } = {},
  ) {
    super(detail, 'cause' in options ? { cause: options.cause } : {});
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.fault = options.fault;
  }

  get retryable(): boolean {
    return publicErrors[this.code].retryable;
  }

  get status(): number {
    return publicErrors[this.code].status;
  }

  /** What the caller gets. */
  toBody(requestId: string): ErrorBody {
    const { retryable, text } = publicErrors[this.code];
    const { problem, member } = this.fault ?? {};
    return {
      error: this.code,
      error_description: problem === undefined ? text : `${text.slice(0, -1)}: ${problem}.`,
      ...(member !== undefined && { member }),
      retryable,
      ...(retryable && { retry_after: this.retryAfterSeconds }),
      request_id: requestId,
    };
  }

  private get retryAfterSeconds(): number {
    return this.retryAfterMs === undefined
      ? defaultRetryAfterSeconds
      : Math.max(1, Math.ceil(this.retryAfterMs / 1000));
  }
}

/**
 * Returns the error for a request of the wrong form.
 *
 * @param problem what is wrong. The caller sees it, so it is one of our own texts, without a value and without a full stop
 * @param member the member at fault, by the name that the contract gives it
 */
export function invalidRequest(problem: string, member?: string): BrokerError {
  return new BrokerError('invalid_request', problem, {
    fault: { problem, ...(member !== undefined && { member }) },
  });
}

/**
 * Returns the error for a member that a request may not have. The caller made its name up, so the name may be a misplaced
 * token or password: it is repeated only if it looks like the name of a member, and only to the caller, not in the log.
 *
 * @param whole what has the member: `body`, `payload` or `event`
 */
export function unknownMember(whole: string, name: string): BrokerError {
  const problem = `the ${whole} has an unknown member`;
  const isName = /^[A-Za-z_][A-Za-z_-]{0,31}$/.test(name);
  return new BrokerError('invalid_request', problem, {
    fault: isName ? { problem: `${problem}, ${name}`, member: name } : { problem },
  });
}

/** Narrows a stored value to a code. An item may contain a code that another version of the function wrote. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(publicErrors, value);
}

/** Whether something failed only because its time was up. */
export function isOnlyLate({ code }: BrokerError): boolean {
  return code === 'deadline' || code === 'renewal_in_progress';
}

/** Returns a BrokerError as it is. Any other thrown value becomes the `cause` of an `internal` error. */
export function asBrokerError(thrown: unknown): BrokerError {
  return thrown instanceof BrokerError ? thrown : new BrokerError('internal', 'unexpected failure', { cause: thrown });
}

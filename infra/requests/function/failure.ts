// The errors of the function, in the form that Step Functions reads. Called by every file of this folder; requests.test.ts tests it.
import { TokenBrokerError } from '../../../client/errors.ts';

/** What a failure says besides its code and its text. The members are in the message of the error. */
export interface FailureMembers {
  /** Fegora's status. */
  readonly status?: number;
  /** The member of the request that is at fault. */
  readonly member?: string;
  /** Whether the same request may succeed later, and is safe to send again. @default false */
  readonly retryable?: boolean;
  /** Seconds. */
  readonly retry_after?: number | undefined;
  /** Of Fegora's error. */
  readonly codigo?: unknown;
  /** Of Fegora's error. */
  readonly mensaje?: unknown;
  /** Fegora's answer, if it is short. */
  readonly answer?: unknown;
}

/** The codes of the function itself. The broker's codes come from the client. */
export type OwnCode =
  | 'invalid_request'
  | 'forbidden'
  | 'deadline'
  | 'internal'
  | 'fegora_refused'
  | 'fegora_unavailable'
  | 'fegora_outcome_unknown'
  | 'fegora_answer_too_large';

/** A failure with a code. The function answers it with `thrownError`. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly code: string;
  readonly members: FailureMembers;

  /**
   * @param text what happened, and what to do
   * @param cause a fault of ours, for the log
   */
  constructor(code: OwnCode | (string & {}), text: string, members: FailureMembers = {}, cause?: unknown) {
    super(text, { cause });
    this.code = code;
    this.members = members;
  }
}

/** Returns the failure for anything that was thrown. What the broker says of itself stays as it is. */
export function failureOf(thrown: unknown): RequestFailure {
  if (thrown instanceof RequestFailure) {
    return thrown;
  }
  if (thrown instanceof TokenBrokerError) {
    const { code, message, retryable, retryAfter: retry_after } = thrown;
    return new RequestFailure(code, message.slice(code.length + 2), { retryable, retry_after });
  }
  return new RequestFailure('internal', 'The function failed. Read its log.', {}, thrown);
}

/** The name of an error: its code in PascalCase, as the broker names its own. */
export function nameOf(code: string): string {
  return code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Returns the error that Lambda gives to the caller: its name is for `Retry` and `Catch` of Step Functions, its message is
 * JSON. The stack repeats only the name, because Lambda shows it too.
 *
 * @param scrub removes what no caller may see from the members
 */
export function thrownError(
  { code, message, members }: RequestFailure,
  requestId: string,
  scrub: <T extends object>(value: T) => T,
): Error {
  const body = scrub({ error: code, error_description: message, retryable: false, ...members, request_id: requestId });
  // Only after the tokens are out: a part of one would not be found.
  const text = JSON.stringify({ ...body, error_description: body.error_description.slice(0, 600) });
  return Object.defineProperties(new Error(text), {
    name: { value: nameOf(code) },
    stack: { value: nameOf(code), enumerable: false },
  });
}

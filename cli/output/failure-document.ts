// Writes a failure as JSON, with the names that errors of the API have. Called by output.ts.
import { TokenBrokerError } from '../../client/errors.ts';
import { type CommandError, exitCodes } from '../failure.ts';

/** A failure of a command. It has the members of an error of the API, and the exit code. */
export interface FailureDocument {
  /** A code of the broker or of the client; for other failures what the exit code means. */
  readonly error: string;
  readonly error_description: string;
  readonly exit_code: number;
  readonly retryable: boolean;
  /** Seconds. */
  readonly retry_after?: number;
  readonly request_id?: string;
}

const codes: Readonly<Record<number, string>> = {
  [exitCodes.failed]: 'failed',
  [exitCodes.usage]: 'usage',
  [exitCodes.awsCredentials]: 'aws_credentials',
  [exitCodes.forbidden]: 'forbidden',
  [exitCodes.notFound]: 'not_found',
  [exitCodes.tryLater]: 'try_later',
  130: 'interrupted',
};

/** Returns the document of a failure. */
export function failureDocument({ exitCode, message, cause }: CommandError): FailureDocument {
  const known = cause instanceof TokenBrokerError ? cause : undefined;
  const { code = codes[exitCode] ?? 'failed', retryAfter, requestId } = known ?? {};
  return {
    error: code,
    error_description: message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message,
    exit_code: exitCode,
    retryable: known?.retryable ?? exitCode === exitCodes.tryLater,
    ...(retryAfter !== undefined && { retry_after: retryAfter }),
    ...(requestId !== undefined && { request_id: requestId }),
  };
}

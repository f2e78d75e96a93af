import { CommanderError } from 'commander';
import { isKeyFault, isOutage } from '../client/errors.ts';
import { TokenBrokerError } from '../client/index.ts';

/** How the process ends. Scripts rely on the numbers. */
export const exitCodes = {
  failed: 1,
  usage: 2,
  awsCredentials: 3,
  forbidden: 4,
  notFound: 5,
  tryLater: 6,
} as const;

/** A failure in words for an operator: one line, no secret. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Anything thrown, as a line and an exit code. */
export function asCommandError(thrown: unknown): CommandError {
  if (thrown instanceof CommandError) {
    return thrown;
  }
  if (thrown instanceof CommanderError) {
    // The parser has said what is wrong.
    return new CommandError(thrown.exitCode === 0 ? 0 : exitCodes.usage, '');
  }
  return thrown instanceof TokenBrokerError ? ofBroker(thrown) : ofAws(thrown);
}

function ofBroker(error: TokenBrokerError): CommandError {
  const { code, message, retryable, retryAfter, requestId } = error;
  if (code === 'aws_credentials') {
    return noCredentials(error);
  }
  const later = retryAfter === undefined ? '' : ` Try again in ${retryAfter} s.`;
  const request = requestId === undefined ? '' : ` (request ${requestId})`;
  return new CommandError(retryable ? exitCodes.tryLater : exitCodeOf(code), `${message}${later}${request}`, {
    cause: error,
  });
}

function exitCodeOf(code: string): number {
  switch (code) {
    case 'forbidden':
      return exitCodes.forbidden;
    case 'unknown_account':
      return exitCodes.notFound;
    case 'invalid_account':
    case 'invalid_request':
      return exitCodes.usage;
    default:
      return exitCodes.failed;
  }
}

/** What the SDK throws. Its names are those of the services' errors. */
function ofAws(thrown: unknown): CommandError {
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  const cause = { cause: thrown };
  if (message === 'Region is missing') {
    return new CommandError(exitCodes.usage, 'no AWS region: give --region, or set AWS_REGION', cause);
  }
  if (isKeyFault(name)) {
    // The message may repeat all that was signed, the session token included.
    return noCredentials(thrown);
  }
  if (isOutage(thrown)) {
    return noAnswer(thrown, message);
  }
  switch (name) {
    case 'AccessDeniedException':
      return new CommandError(exitCodes.forbidden, `not permitted: ${firstLine(message)}`, cause);
    case 'ResourceNotFoundException':
      return new CommandError(exitCodes.notFound, `not found: ${firstLine(message)}`, cause);
    case 'ThrottlingException':
    case 'TooManyRequestsException':
      return noAnswer(thrown, message);
    case 'TypeError':
      return new CommandError(exitCodes.usage, firstLine(message), cause);
    case 'SyntaxError':
    case 'Unknown':
      // The message repeats the text. Unknown is an error to which the SDK finds no name.
      return new CommandError(exitCodes.failed, 'the answer does not come from AWS: is there a proxy?', cause);
    default:
      return new CommandError(exitCodes.failed, [name, firstLine(message)].filter(Boolean).join(': '), cause);
  }
}

function noCredentials(cause: unknown): CommandError {
  const advice = 'set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in again';
  return new CommandError(
    exitCodes.awsCredentials,
    `no AWS credentials, or none that are valid in this region: ${advice}`,
    { cause },
  );
}

function noAnswer(cause: unknown, message: string): CommandError {
  const text = ['AWS does not answer now', firstLine(message)].filter(Boolean).join(': ');
  return new CommandError(exitCodes.tryLater, text, { cause });
}

/** Nothing of a text that looks as if it repeated what was sent. */
function firstLine(text: string): string {
  const [line = ''] = text.trim().split('\n');
  return /(x-amz-|authorization|security-token|bearer )/i.test(line) ? '' : line.trim();
}

// Turns every error into one line and an exit code. Called by program.ts; all commands throw its CommandError.
import { CommanderError } from 'commander';
import { isCredentialsError } from '../client/errors.ts';
import { TokenBrokerError } from '../client/index.ts';

/** The exit codes of the process, besides 0. Scripts rely on the numbers. */
export const exitCodes = {
  failed: 1,
  usage: 2,
  awsCredentials: 3,
  forbidden: 4,
  notFound: 5,
  tryLater: 6,
} as const;

/** A failure for an operator to read: one line, without secrets. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  /** A failure without a text would end the command in silence. */
  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message || (exitCode === 0 ? '' : 'failed, and the cause has no text'), options);
    this.exitCode = exitCode;
  }
}

/** The operator has pressed Ctrl-C or Ctrl-D. The exit code is the one of a shell: 128 and SIGINT's number, 2. */
export function interrupted(): CommandError {
  return new CommandError(130, 'interrupted');
}

/** Converts anything thrown. The message is empty if the operator asked for the help or for the version. */
export function asCommandError(thrown: unknown): CommandError {
  if (thrown instanceof CommandError) {
    return thrown;
  }
  if (thrown instanceof CommanderError) {
    return fromParser(thrown);
  }
  return thrown instanceof TokenBrokerError ? fromBrokerError(thrown) : fromSdkError(thrown);
}

function fromParser({ exitCode, code, message }: CommanderError): CommandError {
  if (exitCode === 0) {
    return new CommandError(0, '');
  }
  const text =
    code === 'commander.help'
      ? 'no command, or none of this name'
      : message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new CommandError(exitCodes.usage, text.replace(/'--json'$/, '$&; use --output json'));
}

function fromBrokerError(error: TokenBrokerError): CommandError {
  const { code, message, retryable, retryAfter, requestId } = error;
  if (code === 'aws_credentials') {
    // With a cause, the SDK found no keys. Without one, the client says which check of AWS refused them.
    if (error.cause instanceof CommandError) {
      return error.cause;
    }
    return error.cause === undefined
      ? new CommandError(exitCodes.awsCredentials, message, { cause: error })
      : noAwsCredentials(error);
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

/** Converts an error of the SDK. Its name is the name of the service's error. */
function fromSdkError(thrown: unknown): CommandError {
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  const cause = { cause: thrown };
  if (message === 'Region is missing') {
    return new CommandError(exitCodes.usage, 'no AWS region; give --region, or set AWS_REGION', cause);
  }
  if (isCredentialsError(name)) {
    // The message may repeat everything that was signed, also the session token.
    return noAwsCredentials(thrown);
  }
  if (isOutage(thrown)) {
    return awsUnavailable(thrown, message);
  }
  switch (name) {
    case 'AccessDeniedException':
      return new CommandError(
        exitCodes.forbidden,
        `not permitted: ${firstLine(message)}${/KMS/.test(message) ? '; grant it with grantAdmin' : ''}`,
        cause,
      );
    case 'ResourceNotFoundException':
      return new CommandError(
        exitCodes.notFound,
        `not found: ${firstLine(message).replace(/\.$/, '')}; check the name, the AWS account and the region`,
        cause,
      );
    case 'ThrottlingException':
    case 'TimeoutError':
    case 'TooManyRequestsException':
      return awsUnavailable(thrown, message);
    case 'TypeError':
      return new CommandError(exitCodes.usage, firstLine(message), cause);
    case 'SyntaxError':
    case 'Unknown':
      // The message repeats the response. The SDK uses the name Unknown if the response does not name its error.
      return new CommandError(exitCodes.failed, 'the answer is not from AWS; check whether there is a proxy', cause);
    default:
      return new CommandError(exitCodes.failed, [name, firstLine(message)].filter(Boolean).join(': '), cause);
  }
}

function noAwsCredentials(cause: unknown): CommandError {
  const advice = 'set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in again';
  return new CommandError(
    exitCodes.awsCredentials,
    `no AWS credentials, or AWS does not accept them in this region; ${advice}`,
    { cause },
  );
}

function awsUnavailable(cause: unknown, message: string): CommandError {
  const text = ['AWS does not answer now', firstLine(message)].filter(Boolean).join(': ');
  return new CommandError(exitCodes.tryLater, text, { cause });
}

/** Returns the first line. If that line seems to repeat what was signed, another text says so. */
function firstLine(text: string): string {
  const [line = ''] = text.trim().split('\n');
  const isSigned = /(x-amz-|authorization|security-token|bearer )/i.test(line);
  return isSigned ? 'the text of the failure is not shown, because it may repeat a key' : line.trim();
}

const networkCode = /^(ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** Returns true if an SDK error comes from the network (it has the code of a system error) or from a failing service. */
function isOutage(cause: unknown): boolean {
  const { code, $fault } = { code: '', $fault: '', ...(typeof cause === 'object' && cause) };
  return networkCode.test(String(code)) || $fault === 'server';
}

// Invokes the broker's `admin` alias. Called by account-commands.ts, status.ts and credentials-set.ts.
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { parseFunctionError } from '../client/token-response.ts';
import { CommandError, exitCodes } from './failure.ts';
import { required, type Target } from './target.ts';

/** Returns the SDK settings for the target's region and profile. Without a profile the SDK uses its own chain. */
export function awsConfig({ region, profile }: Target) {
  return { ...(region !== undefined && { region }), ...(profile !== undefined && { profile }) };
}

/** Returns a client of the Lambda API: of AWS, or of the local run. */
export function lambdaClient(target: Target): LambdaClient {
  const { lambdaEndpoint: endpoint } = target;
  return new LambdaClient({ ...awsConfig(target), ...(endpoint !== undefined && { endpoint }) });
}

/** The event that the `admin` alias gets. */
export interface AdminRequest {
  readonly action: string;
  /** Undefined for all accounts. */
  readonly account?: string;
}

/**
 * Invokes the broker's `admin` alias and returns its answer, an object.
 *
 * @throws TokenBrokerError for an error of the broker
 * @throws CommandError if the function is not known, or if the answer is not an object
 * @throws everything that the SDK throws
 */
export async function invokeAdmin(
  target: Target,
  { action, account }: AdminRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const lambda = lambdaClient(target);
  const { FunctionError, Payload, $metadata } = await lambda.send(
    new InvokeCommand({
      FunctionName: required(target.functionName, 'function', '--function-name'),
      Qualifier: 'admin',
      Payload: JSON.stringify({ action, ...(account !== undefined && { account }) }),
    }),
  );
  const raw = { body: Payload?.transformToString() ?? '', requestId: $metadata.requestId };
  if (FunctionError !== undefined) {
    throw parseFunctionError(raw);
  }
  return parseAnswer(raw.body);
}

/** @throws CommandError if the body is not an object; the message does not show the body, which another system may have sent */
function parseAnswer(body: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer === 'object' && answer !== null) {
      return { ...answer };
    }
  } catch {
    // The message of this error repeats the body, so it is dropped.
  }
  throw unexpectedAnswer();
}

/** The error for an answer that the broker cannot have given. The command then must not report success. */
export function unexpectedAnswer(): CommandError {
  const text = 'the answer is not from a token broker; check that --function-name is the broker’s function';
  return new CommandError(exitCodes.failed, text);
}

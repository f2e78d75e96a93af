import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { readThrown } from '../client/token-response.ts';
import { CommandError, exitCodes } from './failure.ts';
import { known, type Target } from './target.ts';

/** Settings of an SDK client for the AWS that the broker runs in; credentials come from the SDK's own chain. */
export function awsConfig({ region, profile }: Target) {
  return { ...(region !== undefined && { region }), ...(profile !== undefined && { profile }) };
}

/** A client of the Lambda API: AWS's, or the local run's. */
export function lambdaClient(target: Target): LambdaClient {
  const { lambdaEndpoint: endpoint } = target;
  return new LambdaClient({ ...awsConfig(target), ...(endpoint !== undefined && { endpoint }) });
}

/** What an operator may order. */
export interface Order {
  readonly action: string;
  readonly account?: string;
}

/**
 * Invokes the broker's `admin` alias.
 *
 * @returns its answer, an object
 * @throws TokenBrokerError for the broker's refusals, CommandError for no answer of its own, and what the SDK throws
 */
export async function order(target: Target, { action, account }: Order): Promise<Readonly<Record<string, unknown>>> {
  const lambda = lambdaClient(target);
  const { FunctionError, Payload, $metadata } = await lambda.send(
    new InvokeCommand({
      FunctionName: known(target.functionName, 'function', '--function-name'),
      Qualifier: 'admin',
      Payload: JSON.stringify({ action, ...(account !== undefined && { account }) }),
    }),
  );
  const reply = { body: Payload?.transformToString() ?? '', requestId: $metadata.requestId };
  if (FunctionError !== undefined) {
    throw readThrown(reply);
  }
  return parseAnswer(reply.body);
}

/** @throws CommandError for what is no object; it may be anybody's answer, so it is not shown */
function parseAnswer(body: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer === 'object' && answer !== null) {
      return { ...answer };
    }
  } catch {
    // Its message repeats the text.
  }
  throw notTheBroker();
}

/** For an answer that is none of the broker's: nobody can say that anything was done. */
export function notTheBroker(): CommandError {
  return new CommandError(exitCodes.failed, 'the answer is not that of a token broker: is it the right function?');
}

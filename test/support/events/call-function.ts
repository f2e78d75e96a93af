// Calls the function without a gateway, and hands its HTTP answers to ../openapi/every-answer.ts. Used by the scenario tests.
import type { Context } from 'aws-lambda';
import { type SentAnswer, sentAnswers } from '../../../local/gateway/answer.ts';
import type { Handler } from '../../../local/gateway/function.ts';

/** Calls the function as Lambda does. The alias is that of the context. Rejects as the function does. */
export async function callFunction(handler: Handler, event: unknown, context: Context): Promise<unknown> {
  const result = await handler(event, context);
  if (context.invokedFunctionArn.endsWith(':http')) {
    reportAnswer(event, result);
  }
  return result;
}

/** Reports an answer of the alias `http` that arrived in another way, for example from another process. */
export function reportAnswer(event: unknown, result: unknown): void {
  const { statusCode, headers, body } = Object(result);
  const { path } = Object(event);
  const sent = { path: String(path), status: statusCode, headers: Object(headers), body: String(body) };
  sentAnswers.publish({ ...sent, ofFunction: true } satisfies SentAnswer);
}

import { createFegoraFetch, createTokenClient, TokenBrokerError } from 'fegora-token-broker/client';
import { variable } from './environment.ts';

const tokens = createTokenClient({ functionName: variable('BROKER_FUNCTION'), account: variable('FEGORA_ACCOUNT') });
const fegora = createFegoraFetch(tokens);
const headers = { 'content-type': 'application/json' };

/** A request to Fegora: a path of its API and what to send there. */
export interface FegoraRequest {
  readonly path: string;
  readonly document: object;
}

/**
 * Posts a document to Fegora, with a token that the broker handed out when invoked. Also the worker of the state
 * machine: the token stays in here, and only Fegora's answer gets into the execution's history.
 *
 * @throws Error named by the broker's code in PascalCase, as when the state machine invokes the broker itself; then
 *   nothing has reached Fegora
 */
export async function handler({ path, document }: FegoraRequest): Promise<{ status: number; body: string }> {
  try {
    const answer = await fegora(path, { method: 'POST', headers, body: JSON.stringify(document) });
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    throw error instanceof TokenBrokerError ? namedByCode(error) : error;
  }
}

/** Step Functions chooses what to retry by name alone, and a refused password is not for it. */
function namedByCode({ code, message }: TokenBrokerError): Error {
  const name = code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.assign(new Error(message), { name });
}

// Lambda handler: the worker of the workflow, which posts one document to Fegora. Bundled by lib/worker.ts.
import { createFegoraFetch, createTokenClient, TokenBrokerError } from 'fegora-token-broker/client';

// `connect` has set the variables that createTokenClient() reads: the broker's function and the account.
const fegora = createFegoraFetch(createTokenClient());
const headers = { 'content-type': 'application/json' };

/** A request to Fegora: a path of its API and the JSON body. */
export interface FegoraRequest {
  readonly path: string;
  readonly document: object;
}

/**
 * Posts the document with a token of the account. Returns Fegora's status and body. The token stays in the function, and
 * only Fegora's answer gets into the history of the execution.
 *
 * @throws Error with the broker's code in PascalCase as its name, the same name as when the state machine invokes the
 *   broker itself. In that case, Fegora has received nothing.
 */
export async function handler({ path, document }: FegoraRequest): Promise<{ status: number; body: string }> {
  try {
    const answer = await fegora(path, { method: 'POST', headers, body: JSON.stringify(document) });
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    throw error instanceof TokenBrokerError ? namedByCode(error) : error;
  }
}

/** Step Functions decides about a retry only by the name of an error. It must not retry after rejected credentials. */
function namedByCode({ code, message }: TokenBrokerError): Error {
  const name = code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.assign(new Error(message), { name });
}

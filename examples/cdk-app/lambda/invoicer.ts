// Lambda handler: posts a document to Fegora. Bundled by lib/cdk-app-stack.ts, once for each function.
import { createFegoraFetch, createTokenClient } from 'fegora-token-broker/client';

// `connect` has set the variables that createTokenClient() reads. They say how to reach the broker, and which account.
const fegora = createFegoraFetch(createTokenClient());
const headers = { 'content-type': 'application/json' };

/** A request to Fegora: a path of its API and the JSON body. */
export interface FegoraRequest {
  readonly path: string;
  readonly document: object;
}

/** Posts the document with a token of the account. Returns Fegora's status and body. */
export async function handler({ path, document }: FegoraRequest): Promise<{ status: number; body: string }> {
  const answer = await fegora(path, { method: 'POST', headers, body: JSON.stringify(document) });
  return { status: answer.status, body: await answer.text() };
}

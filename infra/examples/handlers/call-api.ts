// Lambda handler: posts a document to Fegora with a token from the API. Bundled by example-function.ts.
import { createFegoraFetch, createTokenClient } from '../../../client/index.ts';
import { variable } from './environment.ts';

const tokens = createTokenClient({ endpoint: variable('BROKER_URL'), account: variable('FEGORA_ACCOUNT') });
const fegora = createFegoraFetch(tokens);
const headers = { 'content-type': 'application/json' };

/** A request to Fegora: a path of its API and the JSON body. */
export interface FegoraRequest {
  readonly path: string;
  readonly document: object;
}

/** Posts a document to Fegora with a token from the API of the broker. Returns Fegora's status and body. */
export async function handler({ path, document }: FegoraRequest): Promise<{ status: number; body: string }> {
  const answer = await fegora(path, { method: 'POST', headers, body: JSON.stringify(document) });
  return { status: answer.status, body: await answer.text() };
}

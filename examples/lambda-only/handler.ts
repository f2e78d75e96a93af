// Lambda handler: posts a document to Fegora. Bundled as README.md says, run by Lambda and by run-local.mjs.
import { createFegoraFetch, createTokenClient } from 'fegora-token-broker/client';

/** Only the local run sets FEGORA_ORIGIN: to its simulator. */
const { FEGORA_ORIGIN: origin = 'https://api.fegora.com' } = process.env;

// createTokenClient() reads FEGORA_BROKER_ENDPOINT and FEGORA_BROKER_ACCOUNT.
const fegora = createFegoraFetch(createTokenClient(), fetch, { origin });
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

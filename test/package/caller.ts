// The code of a foreign project that uses the client, and the local run that it calls. Used by the tests of this folder.
import { createTokenClient } from '../../client/index.ts';
import { startLocalRun } from '../../local/local-run.ts';
import type { Variables } from './process.ts';

/** A Lambda handler in TypeScript: gets a token from the broker and uses it at Fegora. */
export const handlerSource = `
import { createFegoraFetch, createTokenClient, TokenBrokerError, type TokenClient } from 'fegora-token-broker/client';

const tokens: TokenClient = createTokenClient();
const fegora = createFegoraFetch(tokens, fetch, { origin: String(process.env.FEGORA_API) });

export async function handler(): Promise<{ fingerprint: string; status: number; isClass: boolean }> {
  const { fingerprint } = await tokens.getToken({ minValidity: 10 });
  const answer = await fegora('/api/whoami');
  return { fingerprint, status: answer.status, isClass: new TokenBrokerError('internal', '') instanceof Error };
}

export function refused() {
  // @ts-expect-error: direct invocation needs an account
  return createTokenClient({ functionName: 'broker' });
}
`;

/** The same without types, as an ES module that runs itself. */
export const importScript = `
import { createTokenClient } from 'fegora-token-broker/client';
const { fingerprint } = await createTokenClient().getToken();
console.log(JSON.stringify({ fingerprint }));
`;

/** The same as CommonJS. */
export const requireScript = `
const { createTokenClient } = require('fegora-token-broker/client');
createTokenClient().getToken().then(({ fingerprint }) => console.log(JSON.stringify({ fingerprint })));
`;

/** Runs the handler of the bundle in the first argument once, with the event in the second, and prints its result. */
export const runHandler = `
const { pathToFileURL } = require('node:url');
import(pathToFileURL(process.argv[1])).then(async (loaded) => {
  const { handler } = loaded.default ?? loaded;
  console.log(JSON.stringify(await handler(JSON.parse(process.argv[2] ?? '{}'))));
});
`;

/** A broker on this machine, and what a caller of it has in its environment. */
export interface LocalBroker {
  readonly variables: Variables;
  /** The SHA-256 of its token. */
  readonly fingerprint: string;
  readonly close: () => Promise<void>;
}

/** Starts what `npm start` starts, and lets it log in. */
export async function startLocalBroker(): Promise<LocalBroker> {
  const { gateway, settings, simulator, callers, close } = await startLocalRun({ env: {} });
  const { accessKeyId, secretAccessKey, sessionToken = '' } = callers.first;
  const { defaultAccount: account, region } = settings;
  const credentials = { accessKeyId, secretAccessKey, sessionToken };
  const { fingerprint } = await createTokenClient({ endpoint: gateway.url, account, region, credentials }).getToken();
  const variables = {
    FEGORA_BROKER_ENDPOINT: gateway.url,
    FEGORA_BROKER_ACCOUNT: account,
    FEGORA_API: simulator?.origin ?? '',
    FEGORA_ORIGIN: simulator?.origin ?? '',
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  };
  return { variables, fingerprint, close };
}

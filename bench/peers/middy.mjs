// The peer `middy`: @middy/secrets-manager and oauth4webapi. Built by contestants.ts.
import middy from '@middy/core';
import secretsManager from '@middy/secrets-manager';
import * as oauth from 'oauth4webapi';

const { SECRET_ID, FEGORA_TOKEN_URL } = process.env;
const expiryWindowMs = 60_000;
const server = { issuer: new URL(FEGORA_TOKEN_URL).origin, token_endpoint: FEGORA_TOKEN_URL };
const client = { client_id: 'apiApp' };

let cached;

/** middy reads the secret, and oauth4webapi logs in. The token is cached between calls. */
const lambdaHandler = async (_event, context) => {
  if (cached === undefined || Date.now() > cached.expiresAt - expiryWindowMs) {
    cached = await logIn(context.credentials);
  }
  const expires_in = Math.floor((cached.expiresAt - Date.now()) / 1000);
  return {
    statusCode: 200,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: JSON.stringify({ access_token: cached.token.access_token, token_type: cached.token.token_type, expires_in }),
  };
};

async function logIn({ username, password }) {
  const response = await oauth.genericTokenEndpointRequest(
    server,
    client,
    oauth.None(),
    'password',
    { username, password },
    { [oauth.allowInsecureRequests]: true },
  );
  const token = await oauth.processGenericTokenEndpointResponse(server, client, response);
  return { token, expiresAt: Date.now() + token.expires_in * 1000 };
}

export const handler = middy()
  .use(secretsManager({ fetchData: { credentials: SECRET_ID }, setToContext: true }))
  .handler(lambdaHandler);

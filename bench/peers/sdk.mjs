// The peer `sdk`: the AWS SDK and fetch. Built by contestants.ts.
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

const { SECRET_ID, FEGORA_TOKEN_URL } = process.env;
const secrets = new SecretsManagerClient({});

/** The simplest way: reads the secret and logs in, in every call. */
export const handler = async () => {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: SECRET_ID }));
  const { username, password } = JSON.parse(SecretString);
  const response = await fetch(FEGORA_TOKEN_URL, {
    method: 'POST',
    headers: { Accept: 'application/json' },
    body: new URLSearchParams({ grant_type: 'password', client_id: 'apiApp', username, password }),
  });
  if (!response.ok) {
    throw new Error(`Fegora answered ${response.status}`);
  }
  const { access_token, token_type, expires_in } = await response.json();
  return {
    statusCode: 200,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: JSON.stringify({ access_token, token_type, expires_in }),
  };
};

// Lambda handler of a probe: asks the broker for a token and checks the outcome. Bundled by example-function.ts.
import { createTokenClient, TokenBrokerError } from 'fegora-token-broker/client';
import { variable } from './environment.ts';

/**
 * Asks for a token as other callers do. Returns the outcome: `token`, the code of an error, or `unexpected`. Each call
 * creates a new client, because an existing client would take the token from its own cache.
 *
 * @throws Error if the outcome is not the expected one
 */
export async function handler(): Promise<{ outcome: string }> {
  const expected = variable('EXPECTED_OUTCOME');
  const outcome = await requestToken();
  if (outcome !== expected) {
    throw new Error(`the outcome was ${outcome}, but ${expected} was expected: read the log of the broker`);
  }
  return { outcome };
}

async function requestToken(): Promise<string> {
  try {
    await createTokenClient({ endpoint: variable('BROKER_URL'), account: variable('FEGORA_ACCOUNT') }).getToken();
    return 'token';
  } catch (thrown) {
    return thrown instanceof TokenBrokerError ? thrown.code : 'unexpected';
  }
}

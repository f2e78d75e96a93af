// Lambda handler of a probe: asks the broker for a token and checks the outcome. Bundled into dist/probe.
import { createTokenClient, TokenBrokerError, type TokenClient } from '../../client/index.ts';

/**
 * Asks for a token as other callers do. Returns the outcome: `token`, the code of an error, or `unexpected`.
 *
 * @throws Error if the outcome is not the expected one
 */
export async function handler(): Promise<{ outcome: string }> {
  const expected = variable('EXPECTED_OUTCOME');
  const outcome = await requestToken(createClient());
  if (outcome !== expected) {
    throw new Error(`the outcome was ${outcome}, but ${expected} was expected: read the log of the broker`);
  }
  return { outcome };
}

async function requestToken(client: TokenClient): Promise<string> {
  try {
    await client.getToken();
    return 'token';
  } catch (thrown) {
    return thrown instanceof TokenBrokerError ? thrown.code : 'unexpected';
  }
}

/** Each call creates a new client, because an existing client would take the token from its own cache. */
function createClient(): TokenClient {
  const account = variable('FEGORA_BROKER_ACCOUNT');
  const endpoint = optionalVariable('FEGORA_BROKER_ENDPOINT');
  return endpoint === undefined
    ? createTokenClient({ functionName: variable('FEGORA_BROKER_FUNCTION'), account })
    : createTokenClient({ endpoint, account });
}

/** @throws Error with the name of the variable if it is not set */
function variable(name: string): string {
  const value = optionalVariable(name);
  if (value === undefined) {
    throw new Error(`the variable ${name} is not set: add it to the environment of the function`);
  }
  return value;
}

function optionalVariable(name: string): string | undefined {
  // biome-ignore lint/style/noProcessEnv: a probe gets its settings only from its environment
  return process.env[name];
}

import { createTokenClient, TokenBrokerError } from 'fegora-token-broker/client';
import { variable } from './environment.ts';

/**
 * Asks for a token as any caller does and throws when that does not end as it must: with a token, or with a refusal. A
 * new client each time: one that is kept would find the token in its own memory.
 */
export async function handler(): Promise<{ outcome: string }> {
  const expected = variable('EXPECTED_OUTCOME');
  const outcome = await ask();
  if (outcome !== expected) {
    throw new Error(`asking for a token ended with ${outcome} instead of ${expected}`);
  }
  return { outcome };
}

async function ask(): Promise<string> {
  try {
    await createTokenClient({ endpoint: variable('BROKER_URL'), account: variable('FEGORA_ACCOUNT') }).getToken();
    return 'token';
  } catch (thrown) {
    return thrown instanceof TokenBrokerError ? thrown.code : 'unexpected';
  }
}

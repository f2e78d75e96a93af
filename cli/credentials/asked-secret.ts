// Asks for the credentials of an account. Called by credentials-set.ts and ../accounts/add.ts.
import { parseSecret } from '../../lambda/aws/secret.ts';
import { BrokerError } from '../../lambda/errors.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Output } from '../output/output.ts';
import { typedText } from './typed-text.ts';

/** What the command line says of the credentials. */
export interface AskedOptions {
  readonly username?: string;
  readonly clientId?: string;
}

/**
 * Asks for what is missing, and returns the secret's text in the broker's format.
 *
 * @throws CommandError if the broker would not accept the text
 */
export async function askSecret(output: Output, { username, clientId }: AskedOptions): Promise<string> {
  const secret = JSON.stringify({
    ...(clientId !== undefined && { client_id: typedText(clientId, 'client id') }),
    username: typedText(username ?? (await output.ask('Username: ')), 'username'),
    password: typedText(await output.askHidden('Password (not shown): '), 'password'),
  });
  try {
    parseSecret(secret);
    return secret;
  } catch (thrown) {
    if (thrown instanceof BrokerError) {
      throw new CommandError(exitCodes.usage, `nothing was stored: ${thrown.message}; run the command again`);
    }
    throw thrown;
  }
}

// Says whether an account that a Fegora user belongs to may still log in. Created by ../../handler.ts, called by the broker.
import type { Ports, ReadCredentials } from '../../broker/ports.ts';
import { servableUntil } from '../../broker/token.ts';
import { asBrokerError } from '../../errors.ts';
import type { UnknownAccounts } from './unknown-accounts.ts';

/** What decides about it. */
export interface OwnerStateOptions {
  readonly isListed: (account: string) => boolean;
  readonly isOpen: (account: string) => boolean;
  /** Whether no account had this id within the last minute, or within `withinMs`. */
  readonly isUnknown: UnknownAccounts['has'];
  readonly readCredentials: ReadCredentials;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** How often one environment asks whether an account that was unknown exists by now. Milliseconds. */
const askAgainMs = 5000;

/**
 * Makes the port. An open account may log in until Secrets Manager says that no secret is that account's. It says the same of a
 * secret that has lost its tag, perhaps only by mistake, so an account from whose item a token can be served counts all the
 * same: `accounts remove` drops that token.
 */
export function createIsConfigured(options: OwnerStateOptions): Ports['isConfigured'] {
  const { isListed, isOpen, isUnknown, readCredentials, now } = options;
  return async (account, { token, paused }, signal) => {
    if (!isOpen(account)) {
      return isListed(account);
    }
    if (token !== undefined && servableUntil(token) > now()) {
      return true;
    }
    // `accounts remove` pauses an account. Then what is cached of its secret does not count. One that was unknown may have been added.
    const past = (paused || isUnknown(account)) && !isUnknown(account, askAgainMs);
    return readCredentials(account, { past, signal }).then(
      () => true,
      (thrown) => asBrokerError(thrown).code !== 'unknown_account',
    );
  };
}

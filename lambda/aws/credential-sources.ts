// Holds the credential source of each configured account. Created by ../handler.ts, called by the broker.
import type { ReadCredentials } from '../broker/ports.ts';
import { BrokerError } from '../errors.ts';
import { type CredentialSourceOptions, createCredentialSource } from './credential-source.ts';

/** The options that all sources share, and the secrets. */
export interface CredentialSourcesOptions extends Omit<CredentialSourceOptions, 'secretId'> {
  /** Account to secret id. */
  readonly secrets: ReadonlyMap<string, string>;
}

/**
 * Gives the broker's port over one source an account.
 *
 * @throws BrokerError `unknown_account`, and what `ReadAccountCredentials` throws
 */
export function createCredentialSources({ secrets, ...shared }: CredentialSourcesOptions): ReadCredentials {
  const sources = new Map(
    [...secrets].map(([account, secretId]) => [account, createCredentialSource({ ...shared, secretId })]),
  );
  return async (account, options) => {
    const source = sources.get(account);
    if (source === undefined) {
      throw new BrokerError('unknown_account', 'no secret is configured for the account');
    }
    return source(options);
  };
}

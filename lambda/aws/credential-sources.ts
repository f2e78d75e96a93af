// Makes a credential source for each account at its first read. Created by handler.ts, called by the broker.
import type { ReadCredentials } from '../broker/ports.ts';
import { BrokerError } from '../errors.ts';
import {
  type CredentialSourceOptions,
  createCredentialSource,
  type ReadAccountCredentials,
} from './credential-source.ts';

/** The options that all sources share, and the secrets. */
export interface CredentialSourcesOptions extends Omit<CredentialSourceOptions, 'secretId'> {
  /** Account to secret id. Its size is the most sources that are kept. */
  readonly secrets: ReadonlyMap<string, string>;
}

/**
 * Gives the broker's port over one source an account.
 *
 * @throws BrokerError `unknown_account`, and what `ReadAccountCredentials` throws
 */
export function createCredentialSources({ secrets, ...shared }: CredentialSourcesOptions): ReadCredentials {
  const sources = new Map<string, ReadAccountCredentials>();
  return async (account, options) => {
    const source = sources.get(account) ?? createCredentialSource({ ...shared, secretId: secretIdOf(account) });
    sources.set(account, source);
    return source(options);
  };

  function secretIdOf(account: string): string {
    const secretId = secrets.get(account);
    if (secretId === undefined) {
      throw new BrokerError('unknown_account', 'no secret is configured for the account');
    }
    return secretId;
  }
}

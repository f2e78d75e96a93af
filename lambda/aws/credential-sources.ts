// Holds the credential source of each account. Created by ../handler.ts, called by the broker.
import type { ReadCredentials } from '../broker/ports.ts';
import { BrokerError } from '../errors.ts';
import { type CredentialSource, type CredentialSourceOptions, createCredentialSource } from './credential-source.ts';
import type { UnknownAccounts } from './open/unknown-accounts.ts';

/** The options that all sources share, and the secrets. */
export interface CredentialSourcesOptions extends Omit<CredentialSourceOptions, 'secretId' | 'isOpen'> {
  /** Account to secret id. */
  readonly secrets: Pick<ReadonlyMap<string, string>, 'get'>;
  /** What is known of open accounts. @default - there are none */
  readonly open?: OpenAccounts;
}

/** The accounts that are not listed in the settings: each may exist or not. */
export interface OpenAccounts {
  readonly isOpen: (account: string) => boolean;
  readonly unknown: UnknownAccounts;
}

/** How many sources one environment keeps. Credentials of one that is dropped cost a read of the secret at the next login. */
const mostSources = 1000;

/**
 * Gives the broker's port over one source an account. An open account that is unknown costs one read of its secret a minute;
 * with `past: true`, which only a verification and a check of an existing account ask for, it is read all the same.
 *
 * @throws BrokerError `unknown_account`, `throttled` if too many unknown ids were asked for within a minute, and what
 *   `ReadAccountCredentials` throws
 */
export function createCredentialSources({ secrets, open, ...shared }: CredentialSourcesOptions): ReadCredentials {
  /** The first one is the one that was not used for the longest time. */
  const sources = new Map<string, CredentialSource>();

  return async (account, options) => {
    const isOpen = open?.isOpen(account) === true;
    const source = sources.get(account) ?? create(account, isOpen, options.past);
    keep(account, source);
    try {
      const credentials = await source.read(options);
      open?.unknown.delete(account);
      return credentials;
    } catch (thrown) {
      if (thrown instanceof BrokerError && thrown.code === 'unknown_account') {
        open?.unknown.add(account);
      }
      // While Secrets Manager is unavailable too, ids that no account has must not drive out credentials.
      if (source.isEmpty()) {
        sources.delete(account);
      }
      throw thrown;
    }
  };

  function create(account: string, isOpen: boolean, past: boolean): CredentialSource {
    const secretId = secrets.get(account);
    if (secretId === undefined || (!past && open?.unknown.has(account))) {
      throw new BrokerError('unknown_account', 'the account has no secret');
    }
    const retryAfterMs = isOpen && !past && open?.unknown.fullForMs();
    if (retryAfterMs) {
      throw new BrokerError('throttled', 'too many unknown accounts were asked for', { retryAfterMs });
    }
    return createCredentialSource({ ...shared, secretId, isOpen });
  }

  function keep(account: string, source: CredentialSource): void {
    sources.delete(account);
    sources.set(account, source);
    const [oldest] = sources;
    if (sources.size > mostSources && oldest !== undefined) {
      sources.delete(oldest[0]);
      oldest[1].forget();
    }
  }
}

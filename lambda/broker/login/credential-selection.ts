// Picks the secret version to log in with. Called by login-turn.ts.
import { asBrokerError, BrokerError } from '../../errors.ts';
import { credentialKey, type Item, mayRetryRejected } from '../item.ts';
import type { LocalState } from '../local-state.ts';
import type { AccountPorts } from '../ports.ts';
import { hasRested, sendableAt } from './doubt.ts';
import type { SelectedCredentials } from './lease-records.ts';

/** Where to look. */
export interface SelectionOptions {
  readonly item: Pick<Item, 'rejectedCredentials' | 'lastGood' | 'retryKey' | 'retryRejectedAt' | 'sends'>;
  /** For a verification: asks Secrets Manager whatever is cached, and retries no rejected version. */
  readonly isVerification: boolean;
  /** Whether what is cached may be of another user: Secrets Manager is asked. @default false */
  readonly isOutdated?: boolean;
  /** Version that a refresh token goes out for in place of its password: it does not matter whether Fegora refused that. */
  readonly renewed?: string | undefined;
  readonly signal: AbortSignal;
}

/** How often one environment asks for another version while the one it knows is rejected. Milliseconds. */
const askAgainMs = 5000;

type SelectionPorts = Pick<AccountPorts, 'clock' | 'readCredentials' | 'tokenUrl'>;

/**
 * Selects the cached version, or AWSCURRENT as it is now if Fegora refused the cached one. The error of the result is
 * `credentials_rejected` if Fegora refused that one too, else whatever reading the secret threw.
 */
export function createCredentialSelection({ clock, readCredentials, tokenUrl }: SelectionPorts, state: LocalState) {
  return async (options: SelectionOptions): Promise<SelectedCredentials | BrokerError> => {
    try {
      return await select(options, options.isVerification || options.isOutdated === true);
    } catch (thrown) {
      return asBrokerError(thrown);
    }
  };

  /** @param past whether the first read asks Secrets Manager whatever is cached */
  async function select(
    { item, isVerification, renewed, signal }: SelectionOptions,
    past: boolean,
  ): Promise<SelectedCredentials | BrokerError> {
    const isGood = ({ credentials: { versionId }, key }: Pick<SelectedCredentials, 'credentials' | 'key'>) =>
      renewed === undefined ? !isRejected(key, item) : versionId === renewed;
    const cached = await read(past, signal);
    if (isGood(cached)) {
      return { ...cached, isRetry: false };
    }
    const latest = !isVerification && mayAskAgain() ? await read(true, signal) : cached;
    if (isGood(latest) || !isRejected(latest.key, item)) {
      return { ...latest, isRetry: false };
    }
    const mayRetry = !isVerification && !state.unwrittenRejections.has(latest.key);
    const isSendable = sendableAt(item.sends, latest.key, clock.now()) <= clock.now();
    return mayRetry && isSendable && mayRetryRejected(item, latest.key, clock.now())
      ? { ...latest, isRetry: true }
      : new BrokerError('credentials_rejected', 'Fegora refused this version of the secret');
  }

  async function read(past: boolean, signal: AbortSignal) {
    const credentials = await readCredentials({ past, signal });
    return { credentials, key: credentialKey(credentials.versionId, credentials.clientId, tokenUrl) };
  }

  /**
   * Three sends that brought no token count as a rejection, also if no rejection could be written. Credentials that logged
   * in last and that no answer put in doubt get one send an hour all the same.
   */
  function isRejected(key: string, { rejectedCredentials, lastGood, sends }: SelectionOptions['item']): boolean {
    const isKnown = rejectedCredentials.has(key) || state.unwrittenRejections.has(key);
    const now = clock.now();
    return isKnown || (sendableAt(sends, key, now) > now && !(lastGood === key && hasRested(sends, key, now)));
  }

  function mayAskAgain(): boolean {
    const may = clock.monotonic() - state.secretAskedAt >= askAgainMs;
    if (may) {
      state.secretAskedAt = clock.monotonic();
    }
    return may;
  }
}

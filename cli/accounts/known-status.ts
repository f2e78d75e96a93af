// Asks the broker what it knows of an id that may be no account. Called by add.ts and remove.ts.
import { TokenBrokerError } from '../../client/index.ts';
import { readStatus } from '../credentials/credentials-set.ts';
import type { Target } from '../target.ts';

/** What the commands need to know. */
export interface KnownStatus {
  readonly paused?: unknown;
  /** `true` if the settings do not list the account. */
  readonly open?: unknown;
}

/** Undefined if the broker does not know the account. */
export async function knownStatus(target: Target, account: string): Promise<KnownStatus | undefined> {
  const status = await readStatus(target, account).catch((thrown: unknown) => {
    if (thrown instanceof TokenBrokerError && thrown.code === 'unknown_account') {
      return undefined;
    }
    throw thrown;
  });
  return status === undefined ? undefined : { ...Object(status) };
}

/** Whether the settings of the stack list the account: then its credentials are in another secret than that of an open account. */
export function isListed(status: KnownStatus | undefined): boolean {
  return status !== undefined && status.open !== true;
}

import { BrokerError } from '../errors.ts';
import { credentialKey, type Item, mayProve } from './item.ts';
import type { Recollection } from './local-state.ts';
import type { Credentials, Ports } from './ports.ts';

/** The credentials to log in with. */
export interface Choice {
  readonly credentials: Credentials;
  /** `credentialKey` of the credentials. */
  readonly key: string;
  /** Whether Fegora refused them before and they get one try more, having logged in earlier. */
  readonly proving: boolean;
}

/** Where to look and what is known. */
export interface Candidates {
  readonly item: Pick<Item, 'account' | 'marks' | 'proven' | 'nextTry'>;
  readonly recollection: Recollection;
  /** For a verification: whether to ask Secrets Manager whatever is cached, and to try no refused version again. */
  readonly past: boolean;
  readonly signal: AbortSignal;
}

/** How often one environment asks for another version while the one it knows is marked. Milliseconds. */
const askAgainMs = 5000;

/**
 * Picks the version to log in with: the cached one, or, where Fegora refused that one, AWSCURRENT as it is now.
 *
 * @throws BrokerError `credentials_rejected` where that one is refused too, and whatever reading the secret throws
 */
export function createCredentialChoice({ clock, readCredentials, tokenUrl }: Ports) {
  return async (candidates: Candidates): Promise<Choice> => {
    const { item, recollection } = candidates;
    const cached = await read(candidates, candidates.past);
    if (!isMarked(cached.key, candidates)) {
      return { ...cached, proving: false };
    }
    const latest = !candidates.past && mayAsk(recollection) ? await read(candidates, true) : cached;
    if (!isMarked(latest.key, candidates)) {
      return { ...latest, proving: false };
    }
    // A verification is for a version that has not been refused.
    const mayRetry = !candidates.past && !recollection.pendingMarks.has(latest.key);
    if (mayRetry && mayProve(item, latest.key, clock.now())) {
      return { ...latest, proving: true };
    }
    throw new BrokerError('credentials_rejected', 'Fegora refused this version of the secret');
  };

  async function read({ item, signal }: Candidates, past: boolean) {
    const credentials = await readCredentials(item.account, { past, signal });
    return { credentials, key: credentialKey(credentials.versionId, credentials.clientId, tokenUrl) };
  }

  function mayAsk(recollection: Recollection): boolean {
    const may = clock.monotonic() - recollection.secretAskedAt >= askAgainMs;
    if (may) {
      recollection.secretAskedAt = clock.monotonic();
    }
    return may;
  }
}

function isMarked(key: string, { item, recollection }: Candidates): boolean {
  return item.marks.has(key) || recollection.pendingMarks.has(key);
}

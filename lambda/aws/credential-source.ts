import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import type { Credentials, ReadCredentials } from '../broker/ports.ts';
import { BrokerError } from '../errors.ts';
import { parseSecret } from './secret.ts';
import { asSecretError, isUnavailable } from './secrets-error.ts';

/** One version of a secret. */
export interface SecretVersion {
  readonly versionId: string | undefined;
  /** Absent where the secret is binary. */
  readonly text: string | undefined;
}

/** Reads AWSCURRENT of a secret. Rejects with whatever the SDK throws. */
export type GetSecretValue = (secretId: string, signal: AbortSignal) => Promise<SecretVersion>;

/** What the source is made of. */
export interface CredentialSourceParts {
  readonly getSecretValue: GetSecretValue;
  /** Account to secret id. Bounds what is kept in memory. */
  readonly secrets: ReadonlyMap<string, string>;
  /** For secrets that name none. */
  readonly clientId: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

type Read = (account: string, signal: AbortSignal) => Promise<Credentials>;

interface Flight {
  readonly result: Promise<Credentials>;
  readonly cut: () => void;
  waiters: number;
}

const freshMs = 5 * 60_000;
const usableMs = 15 * 60_000;
const callMs = 3_000;

/**
 * Credentials of the configured accounts, kept in memory for 5 minutes, or 15 while Secrets Manager cannot be reached.
 * Concurrent reads of an account cost one call. `past: true` never answers from memory: its caller knows that what
 * memory holds is refused, and must not get it back as if it had just been read.
 */
export function createCredentialSource(parts: CredentialSourceParts): ReadCredentials {
  const memory = new Map<string, { readonly credentials: Credentials; readonly readAt: number }>();
  const readShared = shareReads(read);

  return async (account, { past, signal }) => {
    const fresh = past ? undefined : remembered(account, freshMs);
    return fresh ?? readShared(account, signal).catch((error) => standIn(account, past, error));
  };

  /** What memory may serve in place of a read that failed. */
  function standIn(account: string, past: boolean, error: unknown): Credentials {
    const usable = past || !isUnavailable(error) ? undefined : remembered(account, usableMs);
    if (usable === undefined) {
      throw error;
    }
    return usable;
  }

  function remembered(account: string, forMs: number): Credentials | undefined {
    const kept = memory.get(account);
    const ageMs = kept === undefined ? Number.NaN : parts.now() - kept.readAt;
    // A clock that went back must not stretch what is kept.
    return ageMs >= 0 && ageMs < forMs ? kept?.credentials : undefined;
  }

  async function read(account: string, signal: AbortSignal): Promise<Credentials> {
    try {
      const { versionId, text } = await unlessAborted(parts.getSecretValue(secretIdOf(account), signal), signal);
      if (versionId === undefined) {
        throw new BrokerError('secret_unavailable', 'GetSecretValue: an answer without a VersionId');
      }
      const credentials = { clientId: parts.clientId, ...parseSecret(text), versionId };
      memory.set(account, { credentials, readAt: parts.now() });
      return credentials;
    } catch (error) {
      const failure = asSecretError(error);
      if (!isUnavailable(failure)) {
        // Secrets Manager has spoken: what it said before holds no longer.
        memory.delete(account);
      }
      throw failure;
    }
  }

  function secretIdOf(account: string): string {
    const secretId = parts.secrets.get(account);
    if (secretId === undefined) {
      throw new BrokerError('unknown_account', 'no secret is configured for the account');
    }
    return secretId;
  }
}

/**
 * One read of an account at a time, for all who ask meanwhile, each with its own signal; of at most 3 s, and cut when
 * nobody waits for it any longer, so that nothing runs after the answer.
 */
function shareReads(read: Read): Read {
  const flights = new Map<string, Flight>();

  return async (account, signal) => {
    const flight = flights.get(account) ?? takeOff(account);
    flight.waiters += 1;
    try {
      return await unlessAborted(flight.result, signal);
    } finally {
      flight.waiters -= 1;
      if (flight.waiters === 0) {
        flight.cut();
      }
    }
  };

  function takeOff(account: string): Flight {
    const cutter = new AbortController();
    const timer = setTimeout(cut, callMs);
    const flight: Flight = { result: read(account, cutter.signal).finally(land), cut, waiters: 0 };
    flights.set(account, flight);
    return flight;

    function cut(): void {
      cutter.abort();
      land();
    }

    function land(): void {
      clearTimeout(timer);
      if (flights.get(account) === flight) {
        flights.delete(account);
      }
    }
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(new BrokerError('secret_unavailable', 'Secrets Manager did not answer in time'));
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) {
    giveUp();
  }
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/**
 * The real port. The SDK is loaded and its client built at the first read: most cold starts find a shared token and
 * never need them. At most two attempts.
 */
export function createGetSecretValue(config: SecretsManagerClientConfig = {}): GetSecretValue {
  let loading: Promise<GetSecretValue> | undefined;
  return async (secretId, signal) => {
    loading ??= loadGetSecretValue(config).catch((error) => {
      loading = undefined;
      throw error;
    });
    const get = await loading;
    return get(secretId, signal);
  };
}

async function loadGetSecretValue(config: SecretsManagerClientConfig): Promise<GetSecretValue> {
  const { connectSecretsManager } = await import('./secrets-client.ts');
  return connectSecretsManager(config);
}

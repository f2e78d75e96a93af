// Reads and caches the Fegora credentials of one account. Created by handler.ts, called by the broker.
import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import type { Credentials } from '../broker/ports.ts';
import { BrokerError } from '../errors.ts';
import { type GetSecretValue, parseSecret } from './secret.ts';
import { asSecretError, isUnavailable } from './secrets-error.ts';

/** Where the credentials of one account are, and how to read them. */
export interface CredentialSourceOptions {
  readonly getSecretValue: GetSecretValue;
  readonly secretId: string;
  /** Whether the account need not exist: then a secret that is gone, or that may not be read, says that it does not. */
  readonly isOpen: boolean;
  /** The client id if the secret does not contain one. */
  readonly clientId: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Reads the credentials of one account, from the cache while they are fresh. With `past: true` it always asks Secrets
 * Manager.
 *
 * @throws BrokerError `secret_missing` (of an open account `unknown_account`), `credentials_missing`, `secret_malformed`,
 *   `configuration`, `secret_unavailable`
 */
export type ReadAccountCredentials = (options: {
  readonly past: boolean;
  readonly signal: AbortSignal;
}) => Promise<Credentials>;

/** The credentials of one account, and what is cached of them. */
export interface CredentialSource {
  readonly read: ReadAccountCredentials;
  /** Forgets what is cached. */
  readonly forget: () => void;
  /** Whether nothing is cached. */
  readonly isEmpty: () => boolean;
}

/** A read that callers wait for. */
interface PendingRead {
  readonly result: Promise<Credentials>;
  readonly cancel: () => void;
  waiters: number;
}

const freshMs = 5 * 60_000;
const usableMs = 15 * 60_000;
const longestReadMs = 3_000;

/**
 * Creates the source of one account's credentials. It caches them for 5 minutes, or for 15 while Secrets Manager is
 * unavailable. Concurrent reads cost one call. With `past: true` it never answers from the cache: the caller knows that
 * Fegora refuses the cached version, and must not get that version back as the result of a new read.
 */
export function createCredentialSource(options: CredentialSourceOptions): CredentialSource {
  const { getSecretValue, secretId, isOpen, clientId, now } = options;
  let cached: { readonly credentials: Credentials; readonly readAt: number } | undefined;
  let expiry: NodeJS.Timeout | undefined;
  const readShared = shareReads(readNow);

  return { read, forget, isEmpty: () => cached === undefined };

  async function read({ past, signal }: Parameters<ReadAccountCredentials>[0]): Promise<Credentials> {
    const fresh = past ? undefined : youngerThan(freshMs);
    return fresh ?? readShared(signal).catch((error) => replacementFor(error, past));
  }

  /** The cached credentials if they may replace a read that failed; otherwise throws the error of that read. */
  function replacementFor(error: unknown, past: boolean): Credentials {
    const usable = past || !isUnavailable(error) ? undefined : youngerThan(usableMs);
    if (usable === undefined) {
      throw error;
    }
    return usable;
  }

  function youngerThan(limitMs: number): Credentials | undefined {
    const ageMs = cached === undefined ? Number.NaN : now() - cached.readAt;
    // The age is negative if the clock went back. Such a clock must not make the cache last longer.
    return ageMs >= 0 && ageMs < limitMs ? cached?.credentials : undefined;
  }

  async function readNow(signal: AbortSignal): Promise<Credentials> {
    try {
      const { versionId, text } = await unlessAborted(getSecretValue(secretId, signal), signal);
      if (versionId === undefined) {
        throw new BrokerError('secret_unavailable', 'GetSecretValue: the answer has no VersionId');
      }
      const credentials = { clientId, ...parseSecret(text), versionId };
      keep(credentials);
      return credentials;
    } catch (error) {
      const failure = asSecretError(error, isOpen);
      if (!isUnavailable(failure)) {
        // Secrets Manager answered, so its earlier answer is out of date.
        forget();
      }
      throw failure;
    }
  }

  /**
   * Keeps the credentials as long as they can be used, and not until the next read: hours may pass until then. In a frozen
   * environment the timer fires at the next thaw. It does not keep the process alive.
   */
  function keep(credentials: Credentials): void {
    forget();
    cached = { credentials, readAt: now() };
    expiry = setTimeout(forget, usableMs).unref();
  }

  function forget(): void {
    clearTimeout(expiry);
    cached = undefined;
  }
}

/**
 * Shares one read among all callers that ask while it is pending. Each caller waits with its own signal. The read is
 * cancelled after 3 s, and when its last caller leaves, so that nothing runs on after the invocation has answered.
 *
 * The broker's single flight cannot do this: it joins a caller only to a login that can meet the goal of the caller, and
 * the one who starts a login waits for its end. The client's could, but lambda/ and client/ share no code.
 */
function shareReads(read: (signal: AbortSignal) => Promise<Credentials>) {
  let pending: PendingRead | undefined;

  return async (signal: AbortSignal): Promise<Credentials> => {
    pending ??= start();
    const joined = pending;
    joined.waiters += 1;
    try {
      return await unlessAborted(joined.result, signal);
    } finally {
      joined.waiters -= 1;
      if (joined.waiters === 0) {
        joined.cancel();
      }
    }
  };

  function start(): PendingRead {
    const controller = new AbortController();
    const timer = setTimeout(cancel, longestReadMs);
    const started: PendingRead = { result: read(controller.signal).finally(clear), cancel, waiters: 0 };
    return started;

    function cancel(): void {
      controller.abort();
      clear();
    }

    function clear(): void {
      clearTimeout(timer);
      if (pending === started) {
        pending = undefined;
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
 * Creates the real port. The port loads the SDK and builds its client at the first read, because most cold starts find
 * a shared token and need neither. It makes at most two attempts a read.
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

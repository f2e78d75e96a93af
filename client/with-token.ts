// Sends a request with a token, and once more with another one after a 401. Called by fegora-fetch.ts and infra/requests/function/.
import { TokenBrokerError } from './errors.ts';
import type { AccessToken } from './token-cache.ts';
import type { TokenClient } from './token-client.ts';

/** One request to Fegora, which may need two attempts. */
export interface TokenRequestOf<A> {
  /** Sends the request with this token. */
  readonly send: (token: AccessToken) => Promise<A>;
  /** Whether the request can be sent a second time. A stream cannot. */
  readonly isReplayable: boolean;
  /** Called for the first answer if there is a second one. @default does nothing */
  readonly discard?: (answer: A) => unknown;
  /** Ends the waits for tokens. It does not end an attempt. */
  readonly signal?: AbortSignal | undefined;
}

/** The answer to the last attempt. */
export interface Authorized<A> {
  readonly answer: A;
  /** Why a 401 is the answer, if the broker could not say whether there is another token. */
  readonly failure?: unknown;
}

/**
 * Gets a token and sends a request with it. After a 401, it reports the token to the broker, and repeats the request once
 * with the new one. A token is not reported again for a minute, or for a shorter time that the broker named.
 *
 * @throws TokenBrokerError if there is no token for the first attempt
 * @throws the signal's reason when the signal aborts, and everything that `send` throws
 */
export type WithToken = <A extends { readonly status: number }>(request: TokenRequestOf<A>) => Promise<Authorized<A>>;

/**
 * How long a token is not reported again. If the new token gets a 401 too, the path or the user is the problem, not the
 * token.
 */
const reportCooldownMs = 60_000;
/** The same, if the broker may soon have another token but did not say when. */
const shortReportCooldownMs = 5_000;

/** A time in which a token is not reported, and the failure of the broker that began it, if it was one. */
interface Cooldown {
  readonly fingerprint: string;
  readonly until: number;
  readonly failure?: unknown;
}

/**
 * Returns the function for the tokens of one client.
 *
 * @param now epoch milliseconds
 * @see WithToken
 */
export function withToken(tokens: TokenClient, now: () => number): WithToken {
  let cooldown: Cooldown | undefined;

  const startCooldown = ({ fingerprint }: AccessToken, ms: number, failure?: unknown) => {
    cooldown = { fingerprint, until: now() + ms, failure };
  };
  const cooldownOf = ({ fingerprint }: AccessToken) =>
    cooldown !== undefined && fingerprint === cooldown.fingerprint && now() < cooldown.until ? cooldown : undefined;

  /** Returns another token than the rejected one, or undefined: the caller then gets the 401 as the result. */
  async function replacement(rejected: AccessToken, signal: AbortSignal | undefined): Promise<AccessToken | undefined> {
    try {
      const token = await tokens.getToken({ rejected: rejected.fingerprint, signal });
      if (token.fingerprint !== rejected.fingerprint) {
        return token;
      }
      startCooldown(rejected, reportCooldownMs);
    } catch (failure) {
      signal?.throwIfAborted();
      startCooldown(rejected, cooldownAfter(failure), failure);
    }
    return undefined;
  }

  return async ({ send, isReplayable, discard = () => {}, signal }) => {
    const token = await tokens.getToken({ signal });
    const answer = await send(token);
    if (answer.status !== 401) {
      return { answer };
    }
    const other = cooldownOf(token) === undefined ? await replacement(token, signal) : undefined;
    if (other === undefined || !isReplayable) {
      return { answer, failure: cooldownOf(token)?.failure };
    }
    await discard(answer);
    const second = await send(other);
    if (second.status === 401) {
      startCooldown(other, reportCooldownMs);
    }
    return { answer: second };
  };
}

function cooldownAfter(failure: unknown): number {
  if (!(failure instanceof TokenBrokerError) || !failure.retryable) {
    return reportCooldownMs;
  }
  return failure.retryAfter === undefined
    ? shortReportCooldownMs
    : Math.min(failure.retryAfter * 1000, reportCooldownMs);
}

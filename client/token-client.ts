import { TokenBrokerError } from './errors.ts';
import { type Patience, patient, type World } from './retry.ts';
import { singleFlight } from './single-flight.ts';
import { type AccessToken, type Memory, tokenMemory } from './token-cache.ts';
import type { Ask, Question } from './token-response.ts';

/** What a token must be good for, and how long to wait for it. */
export interface GetTokenOptions {
  /** How long the token should still be valid, in seconds. Unmet even so: the best token, with a `warning`. */
  readonly minValidity?: number | undefined;
  /** Fingerprint of a token that Fegora answered 401 to: another one is asked for. */
  readonly rejected?: string | undefined;
  /** Ends the wait of this call alone: the promise rejects with its reason, or, in an early renewal, has the token in hand. */
  readonly signal?: AbortSignal | undefined;
}

/** Tokens of one account, kept in memory. */
export interface TokenClient {
  /**
   * The token in memory while it serves, a new one otherwise. Calls at the same time share one question to the broker.
   *
   * @throws TokenBrokerError when the broker has no token to give, or cannot be reached and memory holds none
   */
  readonly getToken: (options?: GetTokenOptions) => Promise<AccessToken>;
}

/** Nothing in hand: as long as the gateway may take for one answer. */
const needed: Patience = { ms: 30_000, retry: true };
/** A report: as long, but only once. Whoever makes it has an answer of Fegora's to go on with. */
const reported: Patience = { ms: 30_000, retry: false };
/** A token in hand that is not valid for as long as was asked: as long as a login may take. */
const wanted: Patience = { ms: 12_000, retry: false };
/** A good token in hand: long enough for a broker that has a new one. A login that takes longer is found later. */
const early: Patience = { ms: 1_000, retry: false };

const holdAfterFailureMs = 30_000;

/** A client over any way to ask the broker. */
export function tokenClient(ask: Ask, world: World): TokenClient {
  const { now } = world;
  const memory = tokenMemory(world.random());
  const fly = flights(ask, memory, world);
  const improve = improver(fly, now);

  /** The token in hand, or a better one where that is due. */
  function better(inHand: AccessToken, askedMs: number, options: GetTokenOptions): AccessToken | Promise<AccessToken> {
    const best = inHand.expiresAt - now() < askedMs ? unmet(inHand) : inHand;
    if (!memory.suffices(askedMs, now())) {
      return improve.validity(best, options);
    }
    return memory.renewable(now()) ? improve.early(best, options) : best;
  }

  return {
    getToken: async (options = {}) => {
      const { rejected, signal } = options;
      signal?.throwIfAborted();
      const askedMs = validityMs(options.minValidity);
      if (rejected !== undefined) {
        memory.reject(checkFingerprint(rejected));
      }
      const inHand = memory.servable(now());
      if (inHand === undefined || inHand.fingerprint === rejected) {
        return fly(options, inHand === undefined ? needed : reported);
      }
      return better(inHand, askedMs, options);
    },
  };
}

function unmet(token: AccessToken): AccessToken {
  return { ...token, warning: 'min_validity_unmet' };
}

type Fly = (options: GetTokenOptions, patience: Patience) => Promise<AccessToken>;

/** Asks the broker, once for all who want to know the same. */
function flights(ask: Ask, memory: Memory, world: World): Fly {
  const press = patient(ask, world);
  const join = singleFlight<AccessToken>();

  return ({ minValidity, rejected, signal }, patience) => {
    const question: Question = {
      ...(minValidity !== undefined && { min_validity: Math.ceil(minValidity) }),
      ...(rejected !== undefined && { rejected }),
    };
    const start = async (stop: AbortSignal) =>
      memory.keep(await press(question, patience, stop), validityMs(minValidity));
    return join(JSON.stringify([question, patience]), start, signal);
  };
}

/** Asks for a better token than the one in hand. A failure costs nobody that one, and gives the broker some peace. */
function improver(fly: Fly, now: () => number) {
  let renewing = false;
  let peaceUntil = 0;

  async function attempt(inHand: AccessToken, options: GetTokenOptions, patience: Patience): Promise<AccessToken> {
    if (now() < peaceUntil) {
      return inHand;
    }
    try {
      return await fly(options, patience);
    } catch (failure) {
      if (patience !== early) {
        options.signal?.throwIfAborted();
      }
      const retryAfter = failure instanceof TokenBrokerError ? failure.retryAfter : undefined;
      peaceUntil = now() + Math.max(holdAfterFailureMs, (retryAfter ?? 0) * 1000);
      return inHand;
    }
  }

  return {
    validity: (inHand: AccessToken, options: GetTokenOptions) => attempt(inHand, options, wanted),
    /**
     * One caller asks; the others go on with the token in hand. The one waits for the answer, for a short time, because
     * a Lambda function that has answered is frozen with whatever it left running. Its signal ends that wait alone: were
     * it turned away, callers in a hurry would be elected one after the other and get nothing, with a good token in hand.
     */
    early: async (inHand: AccessToken, options: GetTokenOptions) => {
      if (renewing) {
        return inHand;
      }
      renewing = true;
      return attempt(inHand, options, early).finally(() => {
        renewing = false;
      });
    },
  };
}

/** @throws TypeError for anything else, which may be a token: it is not repeated */
function checkFingerprint(rejected: string): string {
  if (!/^[0-9a-f]{64}$/.test(rejected)) {
    throw new TypeError('rejected is a fingerprint, 64 hex digits in lower case');
  }
  return rejected;
}

/** @throws RangeError for what is no number of seconds */
function validityMs(minValidity = 0): number {
  if (!(minValidity >= 0 && minValidity < Number.POSITIVE_INFINITY)) {
    throw new RangeError('minValidity is a number of seconds, 0 or more');
  }
  return minValidity * 1000;
}

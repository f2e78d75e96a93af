import { setTimeout } from 'node:timers/promises';
import { TokenBrokerError, type TokenErrorCode } from './errors.ts';
import { type FegoraFetch, type FegoraOptions, fegoraFetch } from './fegora-fetch.ts';
import { throughGateway } from './gateway.ts';
import { byInvocation } from './invoke.ts';
import { type GatewayOptions, type InvokeOptions, parseGateway, parseInvocation } from './options.ts';
import type { World } from './retry.ts';
import type { AwsCredentials, CredentialProvider } from './signer.ts';
import type { AccessToken } from './token-cache.ts';
import { type GetTokenOptions, type TokenClient, tokenClient } from './token-client.ts';

export type {
  AccessToken,
  AwsCredentials,
  CredentialProvider,
  FegoraFetch,
  FegoraOptions,
  GatewayOptions,
  GetTokenOptions,
  InvokeOptions,
  TokenClient,
  TokenErrorCode,
  World,
};
export { TokenBrokerError };

const real: World = {
  now: Date.now,
  random: Math.random,
  sleep: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => {}),
};

// biome-ignore lint/style/noProcessEnv: the one place of the client that reads it
const environment = process.env;

/**
 * A source of Fegora access tokens for one account. Make one per account and keep it: it holds the token in memory.
 *
 * @throws TypeError for options that cannot work
 */
export function createTokenClient(options: GatewayOptions | InvokeOptions, world: World = real): TokenClient {
  const ask =
    options.functionName === undefined
      ? throughGateway(parseGateway(options, environment), world.now)
      : byInvocation(parseInvocation(options));
  return tokenClient(ask, world);
}

/**
 * A `fetch` for Fegora's API that adds the bearer token of the client's account.
 *
 * @see FegoraFetch for what it does on a 401 and on redirects
 * @throws TypeError for an origin that is neither https nor loopback
 */
export function createFegoraFetch(
  tokens: TokenClient,
  fetch: typeof globalThis.fetch = (...request) => globalThis.fetch(...request),
  options: FegoraOptions = {},
): FegoraFetch {
  return fegoraFetch(tokens, fetch, options, real.now);
}

// The public API of the client, `fegora-token-broker/client`. Called by the services that need Fegora tokens.
import { TokenBrokerError, type TokenErrorCode } from './errors.ts';
import { type FegoraFetch, type FegoraOptions, fegoraFetch } from './fegora-fetch.ts';
import { gatewayTransport } from './gateway.ts';
import { invokeTransport } from './invoke.ts';
import {
  type GatewayOptions,
  type InvokeOptions,
  optionsFrom,
  parseGatewayOptions,
  parseInvokeOptions,
} from './options.ts';
import { nodeRuntime, type Runtime } from './retry.ts';
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
  Runtime,
  TokenClient,
  TokenErrorCode,
};
export { TokenBrokerError };

// biome-ignore lint/style/noProcessEnv: the only place of the client that reads it
const environment = process.env;

/**
 * Returns a source of Fegora access tokens for one account. Create one per account and keep it: it caches the token.
 *
 * @param options by default those that `connect` of the construct `TokenBroker` wrote into the environment:
 *   `FEGORA_BROKER_ENDPOINT` or `FEGORA_BROKER_FUNCTION`, and `FEGORA_BROKER_ACCOUNT`
 * @param runtime clock and random numbers; only tests pass them
 * @throws TypeError with the name of the invalid option
 */
export function createTokenClient(
  options: GatewayOptions | InvokeOptions = optionsFrom(environment),
  runtime: Runtime = nodeRuntime,
): TokenClient {
  const transport =
    options.functionName === undefined
      ? gatewayTransport(parseGatewayOptions(options, environment), runtime.now)
      : invokeTransport(parseInvokeOptions(options, environment), runtime.now);
  return tokenClient(transport, runtime);
}

/**
 * Returns a `fetch` for Fegora's API that adds the bearer token of the client's account.
 *
 * @see FegoraFetch for what it does on a 401 and on redirects
 * @throws TypeError for an origin that is neither https nor loopback, or that has a path
 */
export function createFegoraFetch(
  tokens: TokenClient,
  fetch: typeof globalThis.fetch = (...request) => globalThis.fetch(...request),
  options: FegoraOptions = {},
): FegoraFetch {
  return fegoraFetch(tokens, fetch, options, nodeRuntime.now);
}

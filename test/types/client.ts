/**
 * What must not compile for a caller of the client. `npm run types` fails where a line that follows an expectation does
 * compile.
 */
import type { BrokerCode } from '../../client/errors.ts';
import {
  type AccessToken,
  createFegoraFetch,
  createTokenClient,
  type TokenBrokerError,
  type TokenClient,
  type TokenErrorCode,
} from '../../client/index.ts';
import type { ErrorCode } from '../../lambda/errors.ts';

const endpoint = 'https://abc123.execute-api.us-east-2.amazonaws.com/prod';

// @ts-expect-error: neither a gateway nor a function is named
createTokenClient({});
// @ts-expect-error: a broker is asked through the gateway or directly, not both
createTokenClient({ endpoint, functionName: 'broker', account: 'a' });
// @ts-expect-error: a direct call has no default account, the alias names it
createTokenClient({ functionName: 'broker' });
// @ts-expect-error: an endpoint from the environment may be missing, and that must be decided here
createTokenClient({ endpoint: process.env.TOKEN_BROKER_URL });
// @ts-expect-error: an account from the environment may be missing too, and the default one is another taxpayer
createTokenClient({ endpoint, account: process.env.ACCOUNT });
// @ts-expect-error: an unknown option is a misspelt one
createTokenClient({ endpoint, acount: 'a' });
// @ts-expect-error: a key without its secret signs nothing
createTokenClient({ endpoint, credentials: { accessKeyId: 'AKIDEXAMPLE' } });
// @ts-expect-error: an account is a name, a number would lose its leading zeros
createTokenClient({ endpoint, account: 25365421 });
// @ts-expect-error: credentials have no place in a fetch
createFegoraFetch({ endpoint });

export async function callers(tokens: TokenClient, token: AccessToken, error: TokenBrokerError) {
  // @ts-expect-error: the token is a promise
  tokens.getToken().accessToken;
  // @ts-expect-error: a validity is a number of seconds
  await tokens.getToken({ minValidity: '60' });
  // @ts-expect-error: a controller is not its signal
  await tokens.getToken({ signal: new AbortController() });
  // @ts-expect-error: a token cannot be renewed with what it holds
  token.refreshToken;
  // @ts-expect-error: a token is not changed by who holds it
  token.accessToken = 'another';
  // @ts-expect-error: whether to try again is told by `retryable`, not by a status
  error.status;
}

type Same<A, B> = [A, B] extends [B, A] ? true : false;

/** The client imports nothing of the broker, so it has a list of its own. */
export const hasEveryCode: Same<BrokerCode, ErrorCode> = true;

export const passing: readonly TokenErrorCode[] = ['upstream_unavailable', 'broker_unreachable', 'a_code_of_later'];

export const fine = [
  createTokenClient({ endpoint }),
  createTokenClient({ endpoint: new URL(endpoint), region: process.env.AWS_REGION, account: 'a' }),
  createTokenClient({
    functionName: 'broker',
    account: 'a',
    credentials: async () => ({ accessKeyId: '', secretAccessKey: '' }),
  }),
];

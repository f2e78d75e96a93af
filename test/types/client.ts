// What must not compile for a caller of the client. `npm run types` fails if a line after `@ts-expect-error` compiles.
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

// @ts-expect-error: the options name neither a gateway nor a function
createTokenClient({});
// @ts-expect-error: a call goes through the gateway or directly, not both
createTokenClient({ endpoint, functionName: 'broker', account: 'a' });
// @ts-expect-error: a direct call has no default account, because the alias names the account
createTokenClient({ functionName: 'broker' });
// @ts-expect-error: a variable of the environment may be undefined, and the caller must handle that
createTokenClient({ endpoint: process.env.TOKEN_BROKER_URL });
// @ts-expect-error: a variable of the environment may be undefined, and the default account is another taxpayer
createTokenClient({ endpoint, account: process.env.ACCOUNT });
// @ts-expect-error: an unknown option is a spelling mistake
createTokenClient({ endpoint, acount: 'a' });
// @ts-expect-error: a key id without its secret key cannot sign
createTokenClient({ endpoint, credentials: { accessKeyId: 'AKIDEXAMPLE' } });
// @ts-expect-error: an account is a string, because a number loses its leading zeros
createTokenClient({ endpoint, account: 25365421 });
// @ts-expect-error: a fetch needs a token client, not options
createFegoraFetch({ endpoint });

export async function callers(tokens: TokenClient, token: AccessToken, error: TokenBrokerError) {
  // @ts-expect-error: the token is a promise
  tokens.getToken().accessToken;
  // @ts-expect-error: minValidity is a number of seconds
  await tokens.getToken({ minValidity: '60' });
  // @ts-expect-error: a controller is not a signal
  await tokens.getToken({ signal: new AbortController() });
  // @ts-expect-error: a token has no refresh token
  token.refreshToken;
  // @ts-expect-error: a token is read-only
  token.accessToken = 'another';
  // @ts-expect-error: `retryable` says whether to try again; there is no status
  error.status;
}

type Same<A, B> = [A, B] extends [B, A] ? true : false;

/** The client has its own list of codes, because it may import nothing of the broker. Both lists must be the same. */
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

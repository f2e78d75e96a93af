// Makes one login over a real socket, and the answers for it. Used by the contract tests of logins.
import { afterEach, assert, expect } from 'vitest';
import type { LoginOutcome } from '../../../lambda/broker/login/login-outcome.ts';
import type { GrantType, LoginConnection } from '../../../lambda/broker/ports.ts';
import { createLogin } from '../../../lambda/fegora/password-grant.ts';
import type { Certificate } from '../certificates.ts';
import { type Behaviour, httpAnswer, type RawUpstream, startRawUpstream } from './raw-upstream.ts';

export const credentials = {
  username: '25365421',
  password: 'not-a-real-password',
  clientId: 'apiApp',
  versionId: 'v1',
};

/** A token response, the HTTP answer with it, and the result of a login that gets it. */
export const token = JSON.stringify({
  access_token: 'not-a-real-token-7XLOCJyiMAs0ZxX',
  token_type: 'bearer',
  expires_in: 1799,
});
export const granted = httpAnswer(200, token);
export const issued = { kind: 'issued', accessToken: 'not-a-real-token-7XLOCJyiMAs0ZxX', lifetimeMs: 1_799_000 };

/** How long to poll for an event that must come: long enough for a busy machine. */
export const pollOptions = { timeout: 20_000, interval: 5 };

export interface LoginOptions {
  readonly username?: string;
  readonly password?: string;
  readonly clientId?: string;
  readonly signal?: AbortSignal;
  readonly beforeFirstByte?: () => boolean;
  /** Is sent in place of the password. */
  readonly refreshToken?: string;
  /** @default `password` */
  readonly renewWith?: GrantType;
}

/**
 * Opens a connection and makes one login over it. An error must have no `cause`: the causes of Node hold host names and
 * bytes of the answer.
 */
export async function logIn(tokenUrl: string, options: LoginOptions = {}): Promise<LoginOutcome> {
  const {
    signal = AbortSignal.timeout(20_000),
    beforeFirstByte = () => true,
    refreshToken,
    renewWith,
    ...changed
  } = options;
  const login = createLogin({ tokenUrl, now: Date.now, ...(renewWith && { renewWith }) });
  const refresh = refreshToken !== undefined && { refreshToken };
  const connection = await login(signal);
  const outcome =
    connection.kind === 'failed'
      ? connection
      : await connection.send({ ...credentials, ...changed }, { signal, beforeFirstByte, ...refresh });
  expect(outcome).not.toHaveProperty('error.cause');
  return outcome;
}

/** Opens a connection, which must succeed. */
export async function connect(tokenUrl: string): Promise<LoginConnection> {
  const connection = await createLogin({ tokenUrl, now: Date.now })(AbortSignal.timeout(20_000));
  assert(connection.kind === 'connected');
  return connection;
}

type Reached = Extract<LoginOutcome, { kind: 'failed' }>['reached'];

/** The whole result of a failed login whose `answer` is its error code. */
export function failure(code: string, reached: Reached, message: string): object {
  return { kind: 'failed', error: expect.objectContaining({ code, message }), reached, answer: code };
}

/** Returns a function that starts servers which end with the test. Call it at the top level of a test file. */
export function upstreams(): (behaviour: Behaviour, certificate?: Certificate) => Promise<RawUpstream> {
  let started: RawUpstream[] = [];
  afterEach(async () => {
    await Promise.all(started.map(({ close }) => close()));
    started = [];
  });
  return async (behaviour, certificate) => {
    const upstream = await startRawUpstream(behaviour, certificate);
    started.push(upstream);
    return upstream;
  };
}

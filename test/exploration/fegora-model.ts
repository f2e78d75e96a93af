// A simulated Fegora for one account, and the connections to it. Used by run.ts and test/soak.
import type { FailedLogin, IssuedLogin, LoginOutcome } from '../../lambda/broker/login/login-outcome.ts';
import type { Credentials, Login, LoginConnection } from '../../lambda/broker/ports.ts';
import { BrokerError } from '../../lambda/errors.ts';
import { connected } from '../support/fegora/connection.ts';
import type { Oracle, TrueLogin } from './oracle.ts';
import type { Host, Simulation } from './simulation.ts';

/**
 * How Fegora handles one login. `cut`: the connection breaks while Fegora continues to work. `lost-successor`: the same, and
 * Fegora deletes a refresh token without writing the next one. `replayed`: a refresh arrives twice, and the second is answered.
 */
export type Behavior = 'normal' | 'html_500' | 'unavailable' | 'cut' | 'unusable' | 'lost-successor' | 'replayed';

/** Fegora as one account sees it. It finishes a login even if the client has hung up. */
export interface FegoraModel {
  /** Handles one login of this account's user over an open connection of a process. */
  readonly send: (host: Host, ...args: Parameters<LoginConnection['send']>) => Promise<LoginOutcome>;
  /** The user's password now. */
  password: string;
  /** The refresh token that works now. Every login gives another. */
  refreshToken: string | undefined;
  lifetimeMs: number;
  /** How long the server works on a login. Milliseconds. */
  workMs: number;
  /** How it handles the next logins, one each. */
  readonly nextBehaviors: Behavior[];
  /** How it handles logins when `nextBehaviors` is empty. */
  behavior: Behavior;
}

/** The longest time that a request takes to the server. Milliseconds. */
const wireMs = 500;
/** How long the server works after a cut connection: shorter than the lease and longer than any back-off. Milliseconds. */
const cutWorkMs = 12_000;

/** The login port of one process: opens connections to the Fegora of each user. */
export function createLoginModel(
  simulation: Simulation,
  host: Host,
  fegoraOf: (username: string) => Pick<FegoraModel, 'send'>,
): Login {
  return async (signal) => {
    const handshake = new Promise<true>((resolve) => {
      simulation.send({
        host,
        text: `${host.name} ↔ Fegora: connected`,
        arrive: () => host.receive(() => resolve(true)),
      });
    });
    return (await unlessAborted(handshake, signal)) === undefined
      ? failure('upstream_timeout', 'no')
      : connected((credentials, options) => fegoraOf(credentials.username).send(host, credentials, options));
  };
}

export interface FegoraModelOptions {
  readonly password: string;
  /** Whether the environments read the refresh token of an answer. */
  readonly keepsRefreshToken: boolean;
}

export function createFegoraModel(
  simulation: Simulation,
  oracle: Oracle,
  { password, keepsRefreshToken }: FegoraModelOptions,
): FegoraModel {
  const model: FegoraModel = {
    send,
    password,
    refreshToken: undefined,
    lifetimeMs: 120_000,
    workMs: 300,
    nextBehaviors: [],
    behavior: 'normal',
  };
  return model;

  async function send(
    host: Host,
    ...[credentials, { signal, beforeFirstByte, refreshToken }]: Parameters<LoginConnection['send']>
  ): Promise<LoginOutcome> {
    if (!beforeFirstByte()) {
      return { kind: 'withheld' };
    }
    const login = oracle.sent(host, credentials.versionId, refreshToken);
    const result = await unlessAborted(answerTo(login, credentials, refreshToken), signal);
    login.closedAt ??= simulation.now();
    if (result === undefined) {
      login.excused ??= 'our side hung up';
      simulation.log(`  ${host.name} hangs up on login ${login.number}`);
    }
    return result ?? failure('upstream_timeout', 'unknown');
  }

  function answerTo(
    login: TrueLogin,
    credentials: Credentials,
    refreshToken: string | undefined,
  ): Promise<FailedLogin | IssuedLogin> {
    const { host, number } = login;
    return new Promise((resolve) => {
      simulation.send({
        host,
        text: `${host.name} → Fegora: login ${number}`,
        latest: simulation.now() + wireMs,
        lost: () => {
          login.finishedAt = simulation.now();
        },
        arrive: () => {
          login.arrivedAt = simulation.now();
          const behavior = model.nextBehaviors.shift() ?? model.behavior;
          const answer = (result: FailedLogin | IssuedLogin): void => {
            const text = `${host.name} ← Fegora: ${result.kind === 'issued' ? result.accessToken : result.answer}`;
            simulation.send({ host, text, arrive: () => host.receive(() => resolve(result)) });
          };
          const isCut = behavior === 'cut' || behavior === 'lost-successor';
          if (isCut) {
            answer(failure('upstream_unavailable', 'unknown'));
          }
          simulation.after(isCut ? cutWorkMs : model.workMs, () => {
            const result =
              refreshToken === undefined
                ? finish(login, credentials, behavior)
                : finishRefresh(login, credentials, { behavior, refreshToken });
            if (!isCut) {
              answer(result);
            }
          });
        },
      });
    });
  }

  function finish(login: TrueLogin, credentials: Credentials, behavior: Behavior): FailedLogin | IssuedLogin {
    login.finishedAt = simulation.now();
    const isRight = credentials.password === model.password;
    const isNormal = behavior === 'normal' || behavior === 'replayed';
    login.refused = !isRight && isNormal;
    if (isRight && (isNormal || behavior === 'cut' || behavior === 'unusable')) {
      const issued = issue(credentials);
      if (isNormal) {
        oracle.excuseVersion('Fegora accepted the version', login.versionId);
        return issued;
      }
    }
    return failureOf(behavior);
  }

  /** A refresh token is deleted first, whatever comes after that. */
  function finishRefresh(
    login: TrueLogin,
    credentials: Credentials,
    { behavior, refreshToken }: { readonly behavior: Behavior; readonly refreshToken: string },
  ): FailedLogin | IssuedLogin {
    login.finishedAt = simulation.now();
    if (behavior === 'unavailable') {
      return failureOf(behavior);
    }
    const isRight = refreshToken === model.refreshToken;
    model.refreshToken = isRight ? undefined : model.refreshToken;
    login.isRefreshRefused = behavior === 'replayed' || (behavior === 'normal' && !isRight);
    const isIssued = isRight && ['normal', 'cut', 'unusable', 'replayed'].includes(behavior);
    const issued = isIssued ? issue(credentials) : undefined;
    if (behavior === 'normal' && issued !== undefined) {
      login.excused ??= 'Fegora accepted the refresh token';
      return issued;
    }
    return failureOf(behavior);
  }

  function issue({ username }: Credentials): IssuedLogin {
    const number = oracle.tokens.size + 1;
    const accessToken = `token ${number} of ${username}`;
    oracle.tokens.set(accessToken, { number, expiresAt: simulation.now() + model.lifetimeMs });
    model.refreshToken = `refresh ${number} of ${username}`;
    const refresh = keepsRefreshToken && { refreshToken: model.refreshToken };
    return { kind: 'issued', accessToken, lifetimeMs: model.lifetimeMs, ...refresh };
  }
}

function failureOf(behavior: Behavior): FailedLogin | IssuedLogin {
  switch (behavior) {
    case 'normal':
    case 'replayed':
      return failure('credentials_rejected', 'answered', 'invalid_grant');
    case 'html_500':
      return failure('upstream_unavailable', 'answered', 'html_500');
    case 'unavailable':
      return failure('upstream_unavailable', 'answered');
    case 'cut':
    case 'lost-successor':
      return failure('upstream_unavailable', 'unknown');
    case 'unusable':
      return failure('upstream_invalid_response', 'answered');
  }
}

type Failed = Extract<FailedLogin | IssuedLogin, { kind: 'failed' }>;

function failure(code: BrokerError['code'], reached: Failed['reached'], answer: Failed['answer'] = code): Failed {
  return { kind: 'failed', error: new BrokerError(code, 'simulated'), reached, answer };
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const aborted = new Promise<undefined>((resolve) => {
    signal.aborted ? resolve(undefined) : signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  return await Promise.race([work, aborted]);
}

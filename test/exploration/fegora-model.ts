import type { Credentials, Login, LoginOutcome } from '../../lambda/broker/ports.ts';
import { BrokerError } from '../../lambda/errors.ts';
import type { Judge, TrueLogin } from './oracle.ts';
import type { Host, Universe } from './simulation.ts';

/** How Fegora takes one login. `cut`: the connection breaks while Fegora works on. */
export type Mood = 'well' | 'html_500' | 'unavailable' | 'cut' | 'unusable';

/** Fegora as one account finds it. What a client that hung up had asked for is worked on all the same. */
export interface FegoraModel {
  /** The login port of a process, for this account's user. */
  readonly loginOf: (host: Host) => Login;
  /** What the user's password is now. */
  password: string;
  lifetimeMs: number;
  /** How long the server works on a login. Milliseconds. */
  workMs: number;
  /** How the next logins go. */
  readonly moods: Mood[];
  /** How they go afterwards. */
  mood: Mood;
}

/** The longest that a request takes to the server. */
const wireMs = 500;
/** How long the server works on what its own front has cut off: within the lease, and longer than any hold. */
const cutWorkMs = 12_000;

export function createFegoraModel(universe: Universe, judge: Judge, password: string): FegoraModel {
  const model: FegoraModel = { loginOf, password, lifetimeMs: 120_000, workMs: 300, moods: [], mood: 'well' };
  return model;

  function loginOf(host: Host): Login {
    return async (credentials, { signal, beforeFirstByte }) => {
      const isConnected = await unlessAborted(connection(host), signal);
      if (isConnected === undefined) {
        return failure('upstream_timeout', 'no');
      }
      beforeFirstByte();
      const login = judge.sent(host, credentials.versionId);
      const outcome = await unlessAborted(answerTo(login, credentials), signal);
      login.closedAt ??= universe.now();
      if (outcome === undefined) {
        login.excused ??= 'our side hung up';
        universe.log(`  ${host.name} hangs up on login ${login.number}`);
      }
      return outcome ?? failure('upstream_timeout', 'unknown');
    };
  }

  function connection(host: Host): Promise<true> {
    return new Promise((resolve) => {
      universe.send({
        host,
        text: `${host.name} ↔ Fegora: connected`,
        arrive: () => host.receive(() => resolve(true)),
      });
    });
  }

  function answerTo(login: TrueLogin, credentials: Credentials): Promise<LoginOutcome> {
    const { host, number } = login;
    return new Promise((resolve) => {
      universe.send({
        host,
        text: `${host.name} → Fegora: login ${number}`,
        latest: universe.now() + wireMs,
        lost: () => {
          login.finishedAt = universe.now();
        },
        arrive: () => {
          login.arrivedAt = universe.now();
          const mood = model.moods.shift() ?? model.mood;
          const tell = (outcome: LoginOutcome): void => {
            const text = `${host.name} ← Fegora: ${outcome.kind === 'issued' ? outcome.accessToken : outcome.answer}`;
            universe.send({ host, text, arrive: () => host.receive(() => resolve(outcome)) });
          };
          if (mood === 'cut') {
            tell(failure('upstream_unavailable', 'unknown'));
          }
          universe.after(mood === 'cut' ? cutWorkMs : model.workMs, () => {
            const outcome = finish(login, credentials, mood);
            if (mood !== 'cut') {
              tell(outcome);
            }
          });
        },
      });
    });
  }

  function finish(login: TrueLogin, credentials: Credentials, mood: Mood): LoginOutcome {
    login.finishedAt = universe.now();
    const isRight = credentials.password === model.password;
    login.refused = !isRight && mood === 'well';
    if (isRight && mood !== 'html_500' && mood !== 'unavailable') {
      const number = judge.tokens.size + 1;
      const accessToken = `token ${number} of ${credentials.username}`;
      judge.tokens.set(accessToken, { number, expiresAt: universe.now() + model.lifetimeMs });
      if (mood === 'well') {
        judge.pardon('Fegora took the version', login.versionId);
        return { kind: 'issued', accessToken, lifetimeMs: model.lifetimeMs };
      }
    }
    return moodFailure(mood);
  }
}

function moodFailure(mood: Mood): LoginOutcome {
  switch (mood) {
    case 'well':
      return failure('credentials_rejected', 'answered', 'invalid_grant');
    case 'html_500':
      return failure('upstream_unavailable', 'answered', 'html_500');
    case 'unavailable':
      return failure('upstream_unavailable', 'answered');
    case 'cut':
      return failure('upstream_unavailable', 'unknown');
    case 'unusable':
      return failure('upstream_invalid_response', 'answered');
  }
}

type Failed = Extract<LoginOutcome, { kind: 'failed' }>;

function failure(code: BrokerError['code'], reached: Failed['reached'], answer: Failed['answer'] = code): Failed {
  return { kind: 'failed', error: new BrokerError(code, 'as the model has it'), reached, answer };
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const aborted = new Promise<undefined>((resolve) => {
    signal.aborted ? resolve(undefined) : signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  return await Promise.race([work, aborted]);
}

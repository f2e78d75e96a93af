// What Fegora can do wrong, and what the runbooks bring to light. Used by troubles.ts and test/scenario/alarms/runbooks.test.ts.
import type { Scene } from './scene.ts';

/** One thing that goes wrong. */
export interface Trouble {
  readonly runbook: string;
  readonly what: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly fegoraAheadMs?: number;
  readonly breakIt: (scene: Scene) => Promise<unknown>;
  /** A row of a query has these members. */
  readonly row: Readonly<Record<string, unknown>>;
  /** A command prints this. */
  readonly prints?: string;
  /** The runbook that doctor names. @default none: it finds nothing wrong */
  readonly named?: string;
}

/** A fault of the simulator: it answers every login like this. */
export const answer = (status: number, body?: object) => ({
  kind: 'answer' as const,
  status,
  times: null,
  ...(body !== undefined && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
});
const fegoraAnswers = (status: number, body?: object) => (scene: Scene) => {
  scene.servers.fegora.addFault(answer(status, body));
  return scene.call();
};
const tokenOf = (userName: string) => ({ access_token: 'x', token_type: 'bearer', expires_in: 1799, userName });

/** Each within a second. */
export const fegoraTroubles: readonly Trouble[] = [
  {
    runbook: 'AccountFails',
    what: 'Fegora answers one of two users with 503',
    breakIt: async (scene) => {
      scene.servers.fegora.addFault({ ...answer(503), username: 'user-main' });
      await scene.broker.warmup();
    },
    row: { code: 'upstream_unavailable', detail: 'HTTP 503' },
    prints: 'upstream_unavailable',
    named: 'loginsfail',
  },
  {
    runbook: 'SecuritySigns',
    what: 'Fegora redirects',
    breakIt: fegoraAnswers(302),
    row: { code: 'upstream_redirect', account: 'main' },
    named: 'securitysigns',
  },
  {
    runbook: 'SecuritySigns',
    what: 'Fegora answers with the token of another user',
    breakIt: fegoraAnswers(200, tokenOf('another')),
    row: { outcome: 'other_user', account: 'main' },
    named: 'loginsfail',
  },
  {
    runbook: 'CredentialsRejected',
    what: 'the password is wrong',
    breakIt: ({ servers, call }) => {
      servers.fegora.setPassword('user-main', 'not-a-real-password-2');
      return call();
    },
    row: { outcome: 'invalid_grant', account: 'main', logins: 1 },
    prints: 'last_error       credentials_rejected',
    named: 'credentialsrejected',
  },
  {
    runbook: 'ClientRejected',
    what: 'the client id is wrong',
    breakIt: ({ servers, call }) => {
      servers.fegora.set({ clientId: 'another' });
      return call();
    },
    row: { account: 'main', message: 'call failed' },
    prints: 'retry_code       client_rejected',
    named: 'clientrejected',
  },
  {
    runbook: 'Html500Repeated',
    what: 'Fegora answers with its error page',
    breakIt: fegoraAnswers(500),
    row: { account: 'main', times: 1 },
    named: 'loginsfail',
  },
  ...[
    [503, undefined, 'upstream_unavailable', 'HTTP 503'],
    [429, undefined, 'upstream_throttled', 'HTTP 429'],
    [403, undefined, 'upstream_rejected', 'HTTP 403'],
    [400, { error: 'unsupported_grant_type' }, 'upstream_contract', 'HTTP 400'],
  ].map(([status, body, code, detail]) => ({
    runbook: 'LoginsFail',
    what: `Fegora answers ${status} and the calls end with ${code}`,
    breakIt: fegoraAnswers(Number(status), body === undefined ? undefined : Object(body)),
    row: { code, detail },
    prints: `retry_code       ${code}`,
    named: 'loginsfail',
  })),
  {
    runbook: 'ClockSkew',
    what: "Fegora's clock is ahead",
    fegoraAheadMs: 40_000,
    breakIt: ({ call }) => call(),
    row: { answers: 1, account: 'main' },
    prints: 'this clock and the one of the API agree',
  },
  {
    runbook: 'SlowCalls',
    what: 'Fegora is slow',
    breakIt: ({ servers, call }) => {
      servers.fegora.set({ delayMs: 200 });
      return call();
    },
    row: { logins: 1, account: 'main', outcome: 'issued' },
    prints: 'ok',
  },
];

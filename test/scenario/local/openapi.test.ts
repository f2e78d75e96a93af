// The answers of the local run, one of each kind, compared with docs/openapi.json.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OtherAnswer } from '../../../local/fegora/settings.ts';
import { type SentAnswer, sentAnswers } from '../../../local/gateway/answer.ts';
import { type LocalRun, startLocalRun } from '../../../local/local-run.ts';
import { createCheckAnswer, openApi } from '../../support/openapi/check-answer.ts';
import { type CallOptions, plainCall, signedCall } from '../../support/signed-call.ts';

/** What Fegora answers to the user of an account, with what the caller then gets. */
const answersOfFegora: Readonly<Record<string, readonly [OtherAnswer, status: number, code: string]>> = {
  'fegora-client': [{ status: 400, body: '{"error":"invalid_clientId"}' }, 502, 'client_rejected'],
  'fegora-grant': [{ status: 400, body: '{"error":"unsupported_grant_type"}' }, 502, 'upstream_contract'],
  'fegora-401': [{ status: 401 }, 502, 'upstream_rejected'],
  'fegora-302': [{ status: 302, headers: { location: '/' } }, 502, 'upstream_redirect'],
  'fegora-empty': [{ status: 200, body: '{}' }, 502, 'upstream_invalid_response'],
  'fegora-503': [{ status: 503 }, 503, 'upstream_unavailable'],
  'fegora-429': [{ status: 429 }, 503, 'upstream_throttled'],
};

const accounts = [
  ...['main', 'paused', 'wrong', 'malformed', 'missing', 'valueless', 'second', 'unreadable'],
  ...Object.keys(answersOfFegora),
];

let local: LocalRun;
const checked: SentAnswer[] = [];
const keep = (message: unknown) => checked.push(message as SentAnswer);

beforeAll(async () => {
  const secretIds = Object.fromEntries(accounts.map((account) => [account, `fegora/${account}`]));
  local = await startLocalRun({ env: { FEGORA_ACCOUNTS: JSON.stringify(secretIds), FEGORA_DEFAULT_ACCOUNT: 'main' } });
  subscribe(sentAnswers.name, keep);
});
afterAll(async () => {
  unsubscribe(sentAnswers.name, keep);
  await local.close();
});

/** Makes a call, and returns its status with its error or the source of its token. */
async function call(path: string, options: CallOptions & { readonly keys?: LocalRun['callers']['all'] } = {}) {
  const { keys = local.callers.all, ...rest } = options;
  const { status, body } = await signedCall(`${local.gateway.url}${path}`, keys, rest);
  return [status, body.error ?? body.source];
}

const body = (members: object) => ({ body: JSON.stringify(members) });

test('promise 54: docs/openapi.json knows every answer of the local run, whatever the call and whatever fails', async () => {
  const { simulator, secrets, callers, gateway } = local;
  const secretOf = (account: string, password: string) => JSON.stringify({ username: `user-of-${account}`, password });

  // Tokens.
  expect(await call('/token')).toEqual([200, 'upstream']);
  expect(await call('/token/main')).toEqual([200, 'memory']);
  expect(await call('/token/main', body({ want: 'metadata', min_validity: 60 }))).toEqual([200, 'memory']);
  expect(await call('/token/main', body({ rejected: 'a'.repeat(64) }))).toEqual([200, 'memory']);

  // Requests of the wrong form.
  for (const wrong of [
    { min_validity: -1 },
    { rejected: 'x' },
    { want: 'all' },
    { account: 'main' },
    [],
    { want: {} },
  ]) {
    expect(await call('/token/main', body(wrong))).toEqual([400, 'invalid_request']);
  }
  expect(await call('/token/main', { body: 'not JSON' })).toEqual([400, 'invalid_request']);
  expect(await call('/token/main', { body: ' '.repeat(2000) })).toEqual([400, 'invalid_request']);
  expect(await call('/token/main?a=b')).toEqual([400, 'invalid_request']);
  expect(await call('/token/MAIN')).toEqual([400, 'invalid_account']);
  expect(await call('/token/unknown')).toEqual([404, 'unknown_account']);

  // Refusals of API Gateway.
  const refused = [403, 'forbidden'];
  expect((await plainCall(`${gateway.url}/token`)).status).toBe(403);
  expect(await call('/tokens')).toEqual(refused);
  expect(await call('/token', { method: 'GET' })).toEqual(refused);
  expect(await call('/token', { region: 'eu-west-1' })).toEqual(refused);
  expect(await call('/token', { keys: callers.none })).toEqual(refused);
  expect(await call('/token', { keys: { ...callers.all, accessKeyId: 'local-unknown' } })).toEqual(refused);

  // Secrets.
  secrets?.put('fegora/malformed', 'not JSON');
  secrets?.remove('fegora/missing');
  secrets?.put('fegora/second', secretOf('main', 'not-a-real-password-of-main'));
  secrets?.put('fegora/wrong', secretOf('wrong', 'not-a-real-password'));
  expect(await call('/token/malformed')).toEqual([500, 'secret_malformed']);
  expect(await call('/token/missing')).toEqual([500, 'secret_missing']);
  expect(await call('/token/second')).toEqual([500, 'duplicate_user']);
  expect(await call('/token/wrong')).toEqual([502, 'credentials_rejected']);
  secrets?.breakWith('failed');
  expect(await call('/token/unreadable')).toEqual([503, 'secret_unavailable']);
  secrets?.clearFault();

  // Fegora, and operators.
  for (const [account, [answer, status, code]] of Object.entries(answersOfFegora)) {
    simulator?.addFault({ kind: 'answer', ...answer, username: `user-of-${account}` });
    expect([account, ...(await call(`/token/${account}`))]).toEqual([account, status, code]);
  }
  await gateway.invoke('{"action":"pause","account":"paused"}', 'admin');
  expect(await call('/token/paused')).toEqual([503, 'paused']);
  expect(await renewUntilRefused()).toEqual([429, 'too_many_rejections']);

  expect(checked.flatMap(createCheckAnswer(openApi))).toEqual([]);
  expect(checked.length).toBeGreaterThanOrEqual(40);
  const codes = checked.flatMap(({ body: text }) => JSON.parse(text).error ?? []);
  expect(new Set(codes).size).toBe(18);
});

/** Reports each token as rejected, until the broker does not renew it any more. */
async function renewUntilRefused(): Promise<unknown> {
  for (let renewals = 0; renewals < 5; renewals += 1) {
    const { body: token } = await signedCall(`${local.gateway.url}/token/main`, local.callers.all);
    const answer = await call('/token/main', body({ rejected: token.token_sha256 }));
    if (answer[0] !== 200) {
      return answer;
    }
  }
  return 'always renewed';
}

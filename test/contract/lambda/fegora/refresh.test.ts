// The refresh grant (lambda/fegora/refresh-grant.ts): its bytes, its answers, and that it is sent once.
import { assert, describe, expect, test } from 'vitest';
import { startFegoraSimulator } from '../../../../local/fegora/simulator.ts';
import { credentials, failure, logIn, pollOptions, token, upstreams } from '../../../support/fegora/login.ts';
import { afterRequest, answering, httpAnswer } from '../../../support/fegora/raw-upstream.ts';

const upstream = upstreams();
const refreshToken = 'not-a-real-refresh-a+b/c=';
const byRefresh = { refreshToken, renewWith: 'refresh_token' } as const;

/** The token response with these members besides. */
function answerWith(members: object): Buffer {
  return httpAnswer(200, JSON.stringify({ ...JSON.parse(token), ...members }));
}

describe('the request of a refresh', () => {
  test('is the request of Fegora’s reference, without the password', async () => {
    const { url, port, received } = await upstream(answering(answerWith({ refresh_token: 'not-a-real-refresh-2' })));

    expect(await logIn(url, byRefresh)).toMatchObject({ kind: 'issued', refreshToken: 'not-a-real-refresh-2' });
    const body = 'grant_type=refresh_token&refresh_token=not-a-real-refresh-a%2Bb%2Fc%3D&client_id=apiApp';
    expect(received().split('\r\n')).toEqual([
      'POST /token HTTP/1.1',
      'Accept: application/json',
      'Accept-Encoding: identity',
      'Content-Type: application/x-www-form-urlencoded',
      `Host: 127.0.0.1:${port}`,
      'Connection: close',
      `Content-Length: ${body.length}`,
      '',
      body,
    ]);
    expect(received()).not.toContain(credentials.password);
  });

  test.for([307, 308, 302])('is not sent again after a redirect with %s', async (status) => {
    const { url, received, connections } = await upstream(
      answering(httpAnswer(status, '', { Location: 'http://127.0.0.1:1/token' })),
    );

    expect(await logIn(url, byRefresh)).toMatchObject({ kind: 'failed', answer: 'doubt', reached: 'answered' });
    expect(received().match(/POST/g)).toHaveLength(1);
    expect(connections()).toBe(1);
  });

  test('is not sent again after a reset', async () => {
    const { url, received, connections } = await upstream(afterRequest((socket) => void socket.resetAndDestroy()));

    const reset = failure('upstream_unavailable', 'unknown', 'the connection failed: ECONNRESET');
    expect(await logIn(url, byRefresh)).toEqual(reset);
    expect(received().match(/POST/g)).toHaveLength(1);
    expect(connections()).toBe(1);
  });

  test('has an unknown outcome when the deadline comes before the answer', async () => {
    const { url } = await upstream(afterRequest(() => {}));
    const timeout = failure('upstream_timeout', 'unknown', 'Fegora did not answer in time');

    expect(await logIn(url, { ...byRefresh, signal: AbortSignal.timeout(300) })).toEqual(timeout);
  });

  test('is not sent when the guard has expired', async () => {
    const { url, connections, received } = await upstream(answering(answerWith({})));

    expect(await logIn(url, { ...byRefresh, beforeFirstByte: () => false })).toEqual({ kind: 'withheld' });
    await expect.poll(connections, pollOptions).toBe(1);
    expect(received()).toBe('');
  });
});

describe('the answer to a refresh', () => {
  test('is another user’s when its userName is', async () => {
    const { url } = await upstream(answering(answerWith({ userName: 'other', refresh_token: 'not-a-real-refresh-2' })));

    expect(await logIn(url, byRefresh)).toMatchObject({ kind: 'failed', answer: 'other_user' });
  });

  test.for([
    ['is missing', undefined],
    ['is empty', ''],
    ['is not a text', 7],
    ['cannot be in a form as it is', 'a\nb'],
    ['is too long', 'x'.repeat(4097)],
  ] as const)('brings the token without a refresh token when that %s', async ([, value]) => {
    const { url } = await upstream(answering(answerWith({ refresh_token: value })));
    const outcome = await logIn(url, byRefresh);

    expect(outcome.kind).toBe('issued');
    expect(outcome).not.toHaveProperty('refreshToken');
  });

  test('promise 44: has no refresh token in it when tokens are renewed with the password', async () => {
    const { url } = await upstream(answering(answerWith({ refresh_token: 'not-a-real-refresh-2' })));

    expect(JSON.stringify(await logIn(url))).not.toContain('refresh');
  });

  test('gives a chain of tokens, each refresh token once', async () => {
    const fegora = await startFegoraSimulator({ accounts: { [credentials.username]: credentials.password } });
    let next = await logIn(fegora.url, { renewWith: 'refresh_token' });
    const used: string[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      assert(next.kind === 'issued' && next.refreshToken !== undefined);
      used.push(next.refreshToken);
      next = await logIn(fegora.url, { renewWith: 'refresh_token', refreshToken: next.refreshToken });
    }
    const [first = ''] = used;
    const refused = await logIn(fegora.url, { renewWith: 'refresh_token', refreshToken: first });
    await fegora.close();

    expect(new Set(used).size).toBe(5);
    expect(refused).toMatchObject({ kind: 'failed', answer: 'invalid_grant' });
    expect(fegora.counters()).toMatchObject({ attempts: 1, refreshes: 5, refreshRefusals: 1 });
  });
});

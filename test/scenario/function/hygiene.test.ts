// Secrets in every place where they could leak: none shows in an answer or in the log.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCredentialSources } from '../../../lambda/aws/credential-sources.ts';
import type { GetSecretValue } from '../../../lambda/aws/secret.ts';
import { createTokenTable } from '../../../lambda/aws/token-table.ts';
import { createBroker } from '../../../lambda/broker/broker.ts';
import type { GrantType, LoginConnection, TokenTable } from '../../../lambda/broker/ports.ts';
import { fingerprint } from '../../../lambda/broker/token.ts';
import { defaultLoginBudget, renewals } from '../../../lambda/config.ts';
import { BrokerError } from '../../../lambda/errors.ts';
import { createRouter, type Handler } from '../../../lambda/events/router.ts';
import { createTelemetry } from '../../../lambda/telemetry/telemetry.ts';
import { readBody, serve } from '../../../local/loopback.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { canaries, canariesIn, canaryError, exposed } from '../../support/capture-canaries.ts';
import { callFunction } from '../../support/events/call-function.ts';
import { httpEvent, labelUpdated, lambdaContext } from '../../support/events/events.ts';
import { connected } from '../../support/fegora/connection.ts';
import { createMemoryDynamo } from '../../support/memory-dynamo.ts';
import { startTestSystem } from '../../support/test-system.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
// What the function loads when it is first needed: a file is not read within virtual time.
import '../../../lambda/aws/item-reset.ts';
import '../../../lambda/events/admin.ts';
import '../../../lambda/events/warmup.ts';

let output: Capture;

beforeEach(() => {
  output = captureOutput();
});
afterEach(() => output.stop());

/** Invocations of every kind, with canaries in every place where a caller can put them. */
const rejected = fingerprint(canaries.token);
const headers = { 'X-Amz-Security-Token': canaries.sessionToken, Authorization: canaries.password };
const calls: readonly (readonly [alias: string | undefined, event: unknown])[] = [
  ['http', httpEvent({ account: 'one', event: { headers, multiValueHeaders: { all: Object.values(canaries) } } })],
  ['http', httpEvent({ account: 'one', body: JSON.stringify({ rejected }) })],
  ['http', httpEvent({ account: canaries.username, event: { path: canaries.password } })],
  ['http', httpEvent({ account: 'one', body: JSON.stringify(canaries) })],
  ['http', httpEvent({ account: 'one', body: `{"want":"${canaries.token}` })],
  ['account-one', { want: 'metadata' }],
  ['account-one', { want: canaries.token, ...canaries }],
  ['warmup', {}],
  ['warmup', labelUpdated({ name: 'fegora/one', arn: 'arn' })],
  ['admin', { action: 'status' }],
  ['admin', { action: 'verify', account: 'one' }],
  ['admin', { action: 'clear-rejection', account: 'one' }],
  ['admin', { action: 'purge', account: 'one' }],
  ['account-one', {}],
  [undefined, canaries],
];

/** What the caller saw, without the one member that may contain the token. */
async function shownBy(handler: Handler, [alias, event]: (typeof calls)[number], remaining?: () => number) {
  try {
    return exposed(withoutToken(await callFunction(handler, event, lambdaContext(alias, remaining))));
  } catch (thrown) {
    return exposed(thrown);
  }
}

function withoutToken(result: unknown): unknown {
  const { access_token: _token, body, ...rest } = Object(result);
  return typeof body === 'string' ? { ...rest, body: withoutToken(JSON.parse(body)) } : rest;
}

describe('promise 41: no secret is shown', () => {
  it.each(renewals)(
    'when any await fails with an error that contains all secrets (%s)',
    async (renewWith) => {
      const { points, failures } = await sweep(Number.NaN, renewWith);
      expect(points).toBeGreaterThan(40);
      expect(failures).toBe(0);
      for (let point = 1; point <= points; point += 1) {
        expect(await sweep(point, renewWith)).toMatchObject({ failures: 1 });
      }
      expect(output.records().length).toBeGreaterThan(points);
      expect(output.text()).toContain('"detail"');
      expect(canariesIn(output.text())).toEqual([]);
    },
    120_000,
  );

  const services = ['FEGORA_TOKEN_URL', 'AWS_ENDPOINT_URL_SECRETS_MANAGER', 'AWS_ENDPOINT_URL_DYNAMODB'] as const;
  it.each(services.flatMap((variable) => renewals.map((renewWith) => [variable, renewWith] as const)))(
    'when the service at %s answers with all secrets and the request itself (%s)',
    async (variable, renewWith) => {
      const accounts = hostile.map((_, index) => `a${index}`);
      const env = { AWS_SESSION_TOKEN: canaries.sessionToken, FEGORA_RENEW_WITH: renewWith };
      const system = await startTestSystem({ accounts, env });
      const { username, password } = canaries;
      for (const [index, respond] of hostile.entries()) {
        const account = `a${index}`;
        system.secrets.put(`fegora/${account}`, JSON.stringify({ username, password }));
        let requests = 0;
        const server = await serve((request, response) => {
          requests += 1;
          echoOf(request).then(
            (echo) => respond(response, echo),
            () => response.destroy(),
          );
        });
        const { handler } = system.environment({ [variable]: server.url });
        const shown = [
          await shownBy(handler, ['http', httpEvent({ account })]),
          await shownBy(handler, [`account-${account}`, { rejected }]),
          await shownBy(handler, ['warmup', { accounts: [account] }]),
          await shownBy(handler, ['admin', { action: 'verify', account }]),
          await shownBy(handler, ['admin', { action: 'status', account }]),
        ].join();
        expect(canariesIn(shown)).toEqual([]);
        expect(shown).toMatch(/"error":"(?!internal)/);
        expect(requests).toBeGreaterThan(0);
        await server.close();
      }
      await system.close();
      expect(canariesIn(output.text())).toEqual([]);
    },
    60_000,
  );

  /** Runs all calls in a new function, in which the await of that number throws. */
  async function sweep(failing: number, renewWith: GrantType): Promise<{ points: number; failures: number }> {
    let points = 0;
    let failures = 0;
    const pass = () => {
      points += 1;
      if (points === failing) {
        failures += 1;
        throw canaryError();
      }
    };
    /** A port whose calls can fail before and after their work. */
    const frail =
      <Args extends unknown[], Result>(port: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        pass();
        const result = await port(...args);
        pass();
        return result;
      };
    const { handler, clock } = connect(frail, renewWith);
    for (const call of calls) {
      // In refresh mode, the second turn finds the token in its renewal window.
      await clock.advance(renewWith === 'password' ? 0 : 90_000);
      const endsAt = clock.monotonic() + 25_000;
      const shown = await clock.until(shownBy(handler, call, () => endsAt - clock.monotonic()));
      expect(canariesIn(shown)).toEqual([]);
    }
    return { points, failures };
  }
});

type Frail = <Args extends unknown[], Result>(
  port: (...args: Args) => Promise<Result>,
) => (...args: Args) => Promise<Result>;

/** The function with ports in this process, all wrapped by `frail`. Fegora refuses the second version of the secret. */
function connect(frail: Frail, renewWith: GrantType) {
  const clock = createVirtualClock();
  const config = { accounts: new Map([['one', 'fegora/one']]), defaultAccount: 'one' };
  const telemetry = createTelemetry('fegora-token-broker', Date.now);
  let logins = 0;
  const refresh = renewWith === 'refresh_token' && { refreshToken: canaries.refreshToken };
  const send: LoginConnection['send'] = async ({ versionId }, { beforeFirstByte, refreshToken }) => {
    beforeFirstByte();
    logins += 1;
    if (refreshToken !== undefined && logins % 2 === 0) {
      const error = new BrokerError('credentials_rejected', 'invalid_grant', { cause: canaryError() });
      return { kind: 'failed', error, reached: 'answered', answer: 'invalid_grant' };
    }
    if (versionId === 'v-2') {
      const error = new BrokerError('credentials_rejected', 'invalid_grant', { cause: canaryError() });
      return { kind: 'failed', error, reached: 'answered', answer: 'invalid_grant' };
    }
    return {
      kind: 'issued',
      accessToken: canaries.token.repeat(logins),
      lifetimeMs: refresh ? 240_000 : 1_800_000,
      ...refresh,
    };
  };
  const getSecretValue: GetSecretValue = async () => ({
    versionId: logins < 2 ? 'v-1' : 'v-2',
    text: JSON.stringify({ username: canaries.username, password: canaries.password }),
  });
  const table: TokenTable = createTokenTable(frail(createMemoryDynamo(clock.now).call), 'tokens', telemetry.observe);
  const broker = createBroker({
    clock,
    random: () => 0.5,
    observe: telemetry.observe,
    tokenUrl: 'https://api.fegora.com/token',
    login: frail(async () => connected(frail(send))),
    readCredentials: frail(
      createCredentialSources({
        getSecretValue: frail(getSecretValue),
        secrets: config.accounts,
        clientId: 'apiApp',
        now: clock.now,
      }),
    ),
    table: {
      read: frail(table.read),
      claim: frail(table.claim),
      write: frail(table.write),
      bindUser: frail(table.bindUser),
    },
    isConfigured: (account) => config.accounts.has(account),
    loginBudget: defaultLoginBudget,
    renewWith,
  });
  return { handler: createRouter({ config, broker, random: () => 0, now: Date.now, report: telemetry }), clock };
}

/** All that a server could repeat of a request, and all canaries. */
async function echoOf(request: IncomingMessage): Promise<string> {
  const body = await readBody(request, 1_000_000);
  return [...Object.values(canaries), request.rawHeaders.join(' '), body?.toString()].join(' ');
}

const json = { 'Content-Type': 'application/x-amz-json-1.1' };

/** Responses that repeat what they should not, each in another place. */
const hostile: readonly ((response: ServerResponse, echo: string) => void)[] = [
  (response, echo) => response.writeHead(500, { 'Content-Type': 'text/html' }).end(`<html>${echo}</html>`),
  (response, echo) => response.writeHead(400, json).end(JSON.stringify({ error: echo, __type: echo, message: echo })),
  (response, echo) =>
    response.writeHead(400, json).end(
      JSON.stringify({
        error: 'invalid_grant',
        error_description: echo,
        __type: 'AccessDeniedException',
        message: echo,
      }),
    ),
  (response, echo) =>
    response.writeHead(200, json).end(
      JSON.stringify({
        access_token: `${echo}\n`,
        token_type: echo,
        VersionId: 'v-1',
        SecretString: echo,
        Item: { account: { S: echo }, token: { S: echo } },
      }),
    ),
  (response, echo) => response.writeHead(200, json).end(`{"access_token":"${echo}`),
  (response, echo) => response.writeHead(302, { Location: `/${encodeURIComponent(echo)}` }).end(echo),
  (response, echo) => response.writeHead(403, json).end(JSON.stringify({ message: echo, [echo]: echo })),
  (response, echo) => response.socket?.end(`HTTP/1.1 ${echo}\r\n\r\n`),
  (response, echo) => {
    response.writeHead(200, { ...json, 'Content-Length': '100000' });
    response.write(echo, () => response.destroy());
  },
];

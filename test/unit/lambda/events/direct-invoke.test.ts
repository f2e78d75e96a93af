// Direct invocations, with a fake broker.
import { describe, expect, it } from 'vitest';
import { BrokerError } from '../../../../lambda/errors.ts';
import { createDirectHandler, directFailure } from '../../../../lambda/events/direct-invoke.ts';
import { describeInvocation } from '../../../../lambda/events/invocation.ts';
import { createIssueToken } from '../../../../lambda/events/token-request.ts';
import { grant, recordReports, servingBroker, token } from '../../../support/events/broker.ts';
import { foreignEvents, httpEvent, lambdaContext } from '../../../support/events/events.ts';

function handlerFor() {
  const { broker, requests } = servingBroker();
  const reports = recordReports();
  const isConfigured = (account: string) => account === 'one';
  const handle = createDirectHandler(createIssueToken({ broker, isConfigured, report: reports.report }));
  const send = (event: unknown, alias = 'account-one') =>
    handle(event, describeInvocation(event, lambdaContext(alias), 'two'), () => 25_000);
  return { send, requests, reports };
}

describe('a direct invocation', () => {
  it('answers with the JSON that an HTTP request gets', async () => {
    const { send, requests, reports } = handlerFor();
    expect(await send({ min_validity: 60 })).toEqual({
      access_token: 'not-a-real-token',
      token_type: 'bearer',
      expires_in: 1699,
      expires_at: '2026-11-24T12:28:19.500Z',
      account: 'one',
      token_sha256: token.fingerprint,
      source: 'memory',
    });
    expect(requests).toEqual([{ account: 'one', caller: 'alias:account-one', minValidityMs: 60_000 }]);
    expect(reports.issued).toMatchObject([{ grant, invocation: { caller: 'alias:account-one', account: 'one' } }]);
  });

  it('answers without the token when the payload wants metadata', async () => {
    const { send } = handlerFor();
    expect(await send({ want: 'metadata' })).not.toHaveProperty('access_token');
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a string', '{}'],
    ['a number', 1],
    ['an array', []],
    ['6 MB', { want: 'a'.repeat(6 * 1024 * 1024) }],
    ['an account in the payload', { account: 'two' }],
    ['a prototype key', JSON.parse('{"__proto__":{"want":"metadata"}}')],
    ['a proxy event', httpEvent({ account: 'two' })],
    ...Object.entries(foreignEvents),
  ])('is invalid_request when the payload is %s', async (_name, event) => {
    const { send, requests } = handlerFor();
    await expect(send(event)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(requests).toEqual([]);
  });

  it('promise 62: names the member of the payload that is wrong', async () => {
    const { send } = handlerFor();
    const failure = await send({ min_validity: '60' }).catch((error) => directFailure(error, 'request-1'));
    expect(JSON.parse(Object(failure).message)).toMatchObject({ error: 'invalid_request', member: 'min_validity' });
  });

  it.each<[string, unknown]>([
    ['1 KB and a byte', { want: 'token', note: 'x'.repeat(1024 - 25) }],
    ['1 KB and a byte, counted in UTF-8', { want: 'token', note: 'é'.repeat(500) }],
    ['nested deeper than JSON.stringify follows', Array.from({ length: 200_000 }).reduce((inner) => ({ inner }), {})],
  ])('says that the payload is over 1 KB when it is %s', async (_name, event) => {
    const { send } = handlerFor();
    const error = await send(event).catch((thrown) => thrown);
    expect(error.toBody('r').error_description).toMatch(/: the payload is over 1 KB\.$/);
  });

  it('checks the members of a payload of 1 KB', async () => {
    const { send } = handlerFor();
    const event = { want: 'token', note: 'x'.repeat(1024 - 26) };
    expect(JSON.stringify(event)).toHaveLength(1024);
    await expect(send(event)).rejects.toMatchObject({ message: 'the body has an unknown member' });
  });

  it('is unknown_account when the account of the alias is not configured', async () => {
    const { send, requests } = handlerFor();
    await expect(send({}, 'account-two')).rejects.toMatchObject({ code: 'unknown_account' });
    expect(requests).toEqual([]);
  });
});

describe('a failure of a direct invocation', () => {
  const cause = Object.assign(new Error('a cause'), { $metadata: { requestId: 'x' } });
  const failure = directFailure(new BrokerError('credentials_rejected', 'a detail', { cause }), 'request-1');

  it('has its code in PascalCase as its name, for Step Functions', () => {
    expect(failure).toBeInstanceOf(Error);
    expect(failure.name).toBe('CredentialsRejected');
    expect(directFailure(new BrokerError('upstream_invalid_response', ''), 'r').name).toBe('UpstreamInvalidResponse');
    expect(directFailure(new BrokerError('internal', ''), 'r').name).toBe('Internal');
  });

  it('contains only what the HTTP error contains', () => {
    expect(JSON.parse(failure.message)).toEqual({
      error: 'credentials_rejected',
      error_description: 'Fegora refuses the credentials of this account.',
      retryable: false,
      request_id: 'request-1',
    });
    expect(failure.stack).toBe('CredentialsRejected');
    expect(failure.cause).toBeUndefined();
  });

  it('has no enumerable member, which Lambda would log', () => {
    expect(Object.keys(failure)).toEqual([]);
  });
});

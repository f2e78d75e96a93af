import { InvokeCommand, type InvokeCommandInput, LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localCallers } from '../../../local/gateway/callers.ts';
import { type Gateway, startGateway } from '../../../local/gateway/gateway.ts';
import type { SigningKeys } from '../../../local/gateway/sigv4.ts';
import { signedCall } from '../../support/signed-call.ts';

const callers = localCallers('demo-a');
let gateway: Gateway;
let fail: Error | undefined;

beforeEach(async () => {
  fail = undefined;
  gateway = await startGateway({
    handler: async (event, { invokedFunctionArn }) => {
      if (fail !== undefined) {
        throw fail;
      }
      return { event, invokedFunctionArn };
    },
    callers: Object.values(callers),
    aliases: ['http', 'admin', 'warmup', 'account-demo-a', 'account-demo-b'],
  });
});

afterEach(() => gateway.close());

async function invoke(keys: SigningKeys, input: Partial<InvokeCommandInput> = {}) {
  const client = new LambdaClient({ endpoint: gateway.url, region: 'us-east-1', credentials: keys, maxAttempts: 1 });
  const command = { FunctionName: gateway.functionName, Qualifier: 'account-demo-a', Payload: '{"want":"metadata"}' };
  const answer = await client.send(new InvokeCommand({ ...command, ...input }));
  const payload: unknown = JSON.parse(Buffer.from(answer.Payload ?? []).toString());
  return { status: answer.StatusCode, error: answer.FunctionError, payload };
}

const arn = 'arn:aws:lambda:us-east-1:000000000000:function:fegora-token-broker';

test('the alias reaches the function in its context, the payload is the event', async () => {
  await expect(invoke(callers.first)).resolves.toEqual({
    status: 200,
    error: undefined,
    payload: { event: { want: 'metadata' }, invokedFunctionArn: `${arn}:account-demo-a` },
  });
});

test('the function may be named by its ARN, and the alias at its end', async () => {
  for (const FunctionName of [arn, `${arn}:account-demo-a`, 'fegora-token-broker:account-demo-a']) {
    const Qualifier = FunctionName === arn ? 'account-demo-a' : undefined;
    await expect(invoke(callers.first, { FunctionName, Qualifier })).resolves.toMatchObject({
      payload: { invokedFunctionArn: `${arn}:account-demo-a` },
    });
  }
});

test('a thrown error is an unhandled function error: its name, message and stack go to the caller', async () => {
  fail = Object.assign(new Error('{"error":"paused"}'), { name: 'Paused', stack: 'Paused', secret: 'canary' });
  await expect(invoke(callers.all)).resolves.toEqual({
    status: 200,
    error: 'Unhandled',
    payload: { errorType: 'Paused', errorMessage: '{"error":"paused"}', trace: ['Paused'] },
  });
});

test.each([
  ['the alias of another account', callers.first, 'account-demo-b'],
  ['the alias of API Gateway', callers.all, 'http'],
  ['an operator’s alias', callers.all, 'admin'],
  ['the unqualified function', callers.all, undefined],
  ['$LATEST', callers.all, '$LATEST'],
  ['an account’s alias, for an operator', callers.operator, 'account-demo-a'],
  ['any alias, without rights', callers.none, 'account-demo-a'],
])('no rights on %s: AccessDeniedException', async (_, keys, Qualifier) => {
  await expect(invoke(keys, { Qualifier })).rejects.toMatchObject({
    name: 'AccessDeniedException',
    $metadata: { httpStatusCode: 403 },
  });
});

test('an operator reaches admin and warmup', async () => {
  for (const Qualifier of ['admin', 'warmup']) {
    await expect(invoke(callers.operator, { Qualifier })).resolves.toMatchObject({ status: 200 });
  }
});

test('an alias or a function that is not there: ResourceNotFoundException', async () => {
  const missing = { name: 'ResourceNotFoundException', $metadata: { httpStatusCode: 404 } };
  await expect(invoke(callers.all, { Qualifier: 'account-demo-c' })).rejects.toMatchObject(missing);
  await expect(invoke(callers.all, { FunctionName: 'another' })).rejects.toMatchObject(missing);
});

test('a name that is no text: ResourceNotFoundException', async () => {
  const url = `${gateway.url}/2015-03-31/functions/%ff/invocations?Qualifier=account-demo-a`;
  const answer = await signedCall(url, callers.all, { body: '{}', service: 'lambda' });
  expect(answer.status).toBe(404);
  expect(answer.headers.get('x-amzn-errortype')).toBe('ResourceNotFoundException');
});

test('keys that are wrong or unknown', async () => {
  await expect(invoke({ ...callers.all, secretAccessKey: 'not-a-real-key-at-all' })).rejects.toMatchObject({
    name: 'InvalidSignatureException',
  });
  await expect(invoke({ ...callers.all, accessKeyId: 'local-nobody' })).rejects.toMatchObject({
    name: 'UnrecognizedClientException',
  });
});

test('a signature for API Gateway is none for Lambda', async () => {
  const url = `${gateway.url}/2015-03-31/functions/fegora-token-broker/invocations?Qualifier=account-demo-a`;
  const answer = await signedCall(url, callers.all, { body: '{}' });
  expect(answer.status).toBe(403);
  expect(answer.headers.get('x-amzn-errortype')).toBe('InvalidSignatureException');
});

test('a payload that is no JSON, too long, or for later is refused', async () => {
  await expect(invoke(callers.all, { Payload: '{' })).rejects.toMatchObject({ name: 'InvalidRequestContentException' });
  await expect(invoke(callers.all, { Payload: `"${'x'.repeat(6 * 1024 * 1024)}"` })).rejects.toMatchObject({
    name: 'RequestTooLargeException',
  });
  await expect(invoke(callers.all, { InvocationType: 'Event' })).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
  });
});

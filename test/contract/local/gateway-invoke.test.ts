// Tests Lambda's Invoke API of the local gateway with the SDK.
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

test('Invoke hands the payload to the function as the event, and the alias in the context', async () => {
  await expect(invoke(callers.first)).resolves.toEqual({
    status: 200,
    error: undefined,
    payload: { event: { want: 'metadata' }, invokedFunctionArn: `${arn}:account-demo-a` },
  });
});

test('Invoke accepts the ARN of the function, and an alias at the end of the name', async () => {
  for (const FunctionName of [arn, `${arn}:account-demo-a`, 'fegora-token-broker:account-demo-a']) {
    const Qualifier = FunctionName === arn ? 'account-demo-a' : undefined;
    await expect(invoke(callers.first, { FunctionName, Qualifier })).resolves.toMatchObject({
      payload: { invokedFunctionArn: `${arn}:account-demo-a` },
    });
  }
});

test('Invoke answers an unhandled error with name, message and stack when the function throws', async () => {
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
  ['the alias of operators', callers.all, 'admin'],
  ['the unqualified function', callers.all, undefined],
  ['$LATEST', callers.all, '$LATEST'],
  ['the alias of an account (an operator)', callers.operator, 'account-demo-a'],
  ['any alias', callers.none, 'account-demo-a'],
])('Invoke answers AccessDeniedException when the caller has no rights on %s', async (_, keys, Qualifier) => {
  await expect(invoke(keys, { Qualifier })).rejects.toMatchObject({
    name: 'AccessDeniedException',
    $metadata: { httpStatusCode: 403 },
  });
});

test('Invoke lets an operator invoke admin and warmup', async () => {
  for (const Qualifier of ['admin', 'warmup']) {
    await expect(invoke(callers.operator, { Qualifier })).resolves.toMatchObject({ status: 200 });
  }
});

test('Invoke answers ResourceNotFoundException when the alias or the function does not exist', async () => {
  const missing = { name: 'ResourceNotFoundException', $metadata: { httpStatusCode: 404 } };
  await expect(invoke(callers.all, { Qualifier: 'account-demo-c' })).rejects.toMatchObject(missing);
  await expect(invoke(callers.all, { FunctionName: 'another' })).rejects.toMatchObject(missing);
});

test('Invoke answers ResourceNotFoundException when the name cannot be decoded', async () => {
  const url = `${gateway.url}/2015-03-31/functions/%ff/invocations?Qualifier=account-demo-a`;
  const answer = await signedCall(url, callers.all, { body: '{}', service: 'lambda' });
  expect(answer.status).toBe(404);
  expect(answer.headers.get('x-amzn-errortype')).toBe('ResourceNotFoundException');
});

test('Invoke refuses a wrong secret key and an unknown access key', async () => {
  await expect(invoke({ ...callers.all, secretAccessKey: 'not-a-real-key-at-all' })).rejects.toMatchObject({
    name: 'InvalidSignatureException',
  });
  await expect(invoke({ ...callers.all, accessKeyId: 'local-unknown' })).rejects.toMatchObject({
    name: 'UnrecognizedClientException',
  });
});

test('Invoke refuses a signature that was made for API Gateway', async () => {
  const url = `${gateway.url}/2015-03-31/functions/fegora-token-broker/invocations?Qualifier=account-demo-a`;
  const answer = await signedCall(url, callers.all, { body: '{}' });
  expect(answer.status).toBe(403);
  expect(answer.headers.get('x-amzn-errortype')).toBe('InvalidSignatureException');
});

test('Invoke refuses a payload that is not JSON or is over 6 MB, and an asynchronous call', async () => {
  await expect(invoke(callers.all, { Payload: '{' })).rejects.toMatchObject({ name: 'InvalidRequestContentException' });
  await expect(invoke(callers.all, { Payload: `"${'x'.repeat(6 * 1024 * 1024)}"` })).rejects.toMatchObject({
    name: 'RequestTooLargeException',
  });
  await expect(invoke(callers.all, { InvocationType: 'Event' })).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
  });
});

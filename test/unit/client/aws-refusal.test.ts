// Tests the sentence of the client for each check with which AWS refuses, with AWS's own texts.
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { awsRefusalOf, type SignedRequest } from '../../../client/aws-refusal.ts';

const user = 'arn:aws:sts::123456789012:assumed-role/Invoices/session-1';
const api: SignedRequest = {
  service: 'execute-api',
  region: 'us-east-1',
  url: new URL('https://abc123.execute-api.us-east-1.amazonaws.com/prod/token/main'),
  resource: 'POST /prod/token/main',
  grant: 'grantToken',
};
const direct: SignedRequest = {
  ...api,
  service: 'lambda',
  url: new URL('https://lambda.us-east-1.amazonaws.com/'),
  resource: 'the alias account-main',
  grant: 'grantInvoke',
};

function refused(type: string, message: string, request: SignedRequest = api) {
  const headers = { ...(type && { 'x-amzn-errortype': type }), 'x-amzn-requestid': 'request-1' };
  const body = JSON.stringify(message.startsWith('User:') ? { Message: message } : { message });
  return awsRefusalOf({ status: 403, headers, body }, request);
}

const mismatch =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const denied = `User: ${user} is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:abc123/prod/POST/token/main`;
const deniedDirect = `User: ${user} is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:broker:account-main`;

describe('promise 62: the client names the check of AWS that refused', () => {
  test.each([
    [
      'the region',
      'InvalidSignatureException',
      "Credential should be scoped to a valid region, not 'us-east-1'. ",
      /^aws_credentials: .*region us-east-1, which is not the broker/,
    ],
    [
      'the secret key',
      'InvalidSignatureException',
      mismatch,
      /^aws_credentials: .*secret key is not of this access key/,
    ],
    [
      'the clock',
      'InvalidSignatureException',
      'Signature expired: 20261124T120000Z is now earlier than 20261124T122500Z (20261124T123000Z - 5 min.)',
      /^aws_credentials: .*Set the clock/,
    ],
    [
      'the clock ahead',
      'InvalidSignatureException',
      'Signature not yet current: 20261124T130000Z is still later than 20261124T122500Z (20261124T122000Z + 5 min.)',
      /^aws_credentials: .*Set the clock/,
    ],
    [
      'the session',
      'ExpiredTokenException',
      'The security token included in the request is expired',
      /^aws_credentials: The session of the AWS keys has expired/,
    ],
    [
      'the access key',
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      /^aws_credentials: .*does not know the access key/,
    ],
    [
      'the access key, as AWS documents it',
      'AccessDeniedException',
      'The security token included in the request is invalid.',
      /^aws_credentials: .*does not know the access key/,
    ],
    [
      'the access key, as a function URL says it',
      'InvalidSignatureException',
      'The security token included in the request is invalid.',
      /^aws_credentials: .*does not know the access key/,
    ],
    [
      'the form of the signature',
      'IncompleteSignatureException',
      "'abc' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer abc'.",
      /^aws_credentials: .*cannot read the signature/,
    ],
    [
      'the path',
      'MissingAuthenticationTokenException',
      'Missing Authentication Token',
      /^unexpected_answer: .*No token broker is at this path/,
    ],
    [
      'the stage, the domain or WAF',
      'ForbiddenException',
      'Forbidden',
      /^forbidden: .*Check the stage in the endpoint; then WAF/,
    ],
    [
      'the right',
      'AccessDeniedException',
      denied,
      /^forbidden: .*execute-api:Invoke on POST \/prod\/token\/main is not permitted to arn:aws:sts::123456789012:assumed-role\/Invoices\/session-1\. Grant it with grantToken/,
    ],
    [
      'a Deny',
      'AccessDeniedException',
      `${denied} with an explicit deny`,
      /^forbidden: .*a Deny \(AWS does not say in which policy\)/,
    ],
    [
      'a Deny of a resource policy',
      'AccessDeniedException',
      `${denied} with an explicit deny in a resource-based policy`,
      /^forbidden: .*a Deny \(resource-based policy\)/,
    ],
    [
      'a Deny of a VPC endpoint',
      'AccessDeniedException',
      `${denied} with an explicit deny in a VPC endpoint policy`,
      /^forbidden: .*a Deny \(VPC endpoint policy\)/,
    ],
    [
      'a Deny of a boundary',
      'AccessDeniedException',
      `${denied} with an explicit deny in a permissions boundary`,
      /^forbidden: .*a Deny \(permissions boundary\)/,
    ],
    [
      'a missing policy',
      'AccessDeniedException',
      `${denied} because no resource-based policy allows the execute-api:Invoke action`,
      /^forbidden: .*no resource-based policy allows it/,
    ],
    [
      'the right, without AWS’s text',
      'AccessDeniedException',
      '',
      /^forbidden: .*is not permitted to the caller\. Grant it with grantToken/,
    ],
  ])('%s', (_, type, message, sentence) => {
    const failure = refused(type, message);

    expect(failure).toMatchObject({ retryable: false, requestId: 'request-1' });
    expect(failure?.message).toMatch(sentence);
  });

  test.each([
    [
      'the right',
      'AccessDeniedException',
      `${deniedDirect} because no identity-based policy allows the lambda:InvokeFunction action`,
      /^forbidden: .*lambda:InvokeFunction on the alias account-main is not permitted to .*no identity-based policy allows it\. Grant it with grantInvoke/,
    ],
    [
      'a lost signature',
      'MissingAuthenticationTokenException',
      'Missing Authentication Token',
      /^aws_credentials: .*did not reach AWS/,
    ],
    [
      'the session',
      'ExpiredTokenException:http://internal.amazon.com/',
      'The security token included in the request is expired',
      /^aws_credentials: The session of the AWS keys has expired/,
    ],
  ])('%s, by direct invocation', (_, type, message, sentence) => {
    const failure = refused(type, message, direct);

    expect(failure?.message).toMatch(sentence);
  });

  test('the region, from the name of the endpoint, when the API hides AWS’s text', () => {
    const failure = refused('InvalidSignatureException', '', { ...api, region: 'eu-west-1' });

    expect(failure?.message).toMatch(/for the region eu-west-1, but the endpoint is in us-east-1/);
  });

  test('the two causes that are left, when the API hides AWS’s text and the region is right', () => {
    expect(refused('InvalidSignatureException', '')?.message).toMatch(/secret key is wrong, or .* region us-east-1/);
  });
});

test.each([
  [
    'InvalidSignatureException',
    `${mismatch}\n\nThe Canonical String for this request should have been\n'POST\n/prod/token\nx-amz-security-token:not-a-real-session'`,
  ],
  [
    'IncompleteSignatureException',
    "Authorization header requires 'Signature' parameter. Authorization=Bearer not-a-real-session",
  ],
  [
    'AccessDeniedException',
    'User: not-a-real-session is not authorized to perform: x on resource: y with an explicit deny in a not-a-real-session',
  ],
  ['ForbiddenException', 'not-a-real-session'],
])('promise 62: repeats nothing of AWS’s text that can hold what was signed: %s', (type, message) => {
  const failure = refused(type, message);

  expect(failure).toBeDefined();
  expect(inspect(failure, { depth: null })).not.toContain('not-a-real-session');
});

test.each(['ThrottlingException', 'ResourceNotFoundException', ''])('leaves %s to others', (type) => {
  expect(refused(type, 'Rate exceeded')).toBeUndefined();
});

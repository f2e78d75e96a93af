// Tests the local gateway with the signers of curl and botocore.
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { localCallers } from '../../../local/gateway/callers.ts';
import { type Gateway, startGateway } from '../../../local/gateway/gateway.ts';
import { tokenAnswer } from '../../support/openapi/token-answer.ts';

const run = promisify(execFile);
const callers = localCallers('demo-a');
let gateway: Gateway;
let events: unknown[];

beforeAll(async () => {
  gateway = await startGateway({
    handler: async (event) => {
      events.push(event);
      return tokenAnswer;
    },
    callers: Object.values(callers),
    aliases: [],
  });
});

beforeEach(() => {
  events = [];
});

afterAll(() => gateway.close());

function isPresent(command: string, args: readonly string[], says: RegExp): boolean {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 && says.test(stdout);
}

const body = '{"want":"metadata","min_validity":60}';
const botocore = `
import sys
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
url, key, secret, token, body = sys.argv[1:]
request = AWSRequest(method='POST', url=url, data=body or None, headers={'Content-Type': 'application/json'})
SigV4Auth(Credentials(key, secret, token or None), 'execute-api', 'us-east-1').add_auth(request)
answer = URLLib3Session().send(request.prepare())
print(answer.status_code)
print(answer.text)
`;

interface Sent {
  readonly path: string;
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
  readonly body?: string;
}

async function withCurl({ path, keys, body: data }: Sent): Promise<string> {
  const { stdout } = await run('curl', [
    ...['--silent', '--request', 'POST', '--write-out', '\n%{http_code}'],
    ...['--aws-sigv4', 'aws:amz:us-east-1:execute-api', '--user', `${keys.accessKeyId}:${keys.secretAccessKey}`],
    ...(keys.sessionToken === undefined ? [] : ['--header', `x-amz-security-token: ${keys.sessionToken}`]),
    ...(data === undefined ? [] : ['--header', 'content-type: application/json', '--data', data]),
    `${gateway.url}${path}`,
  ]);
  const [text, status] = stdout.split(/\n(?=\d{3}$)/);
  return `${status}\n${text}`;
}

async function withBotocore({ path, keys, body: data = '' }: Sent): Promise<string> {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = keys;
  const args = [`${gateway.url}${path}`, accessKeyId, secretAccessKey, sessionToken, data];
  const { stdout } = await run('python3', ['-c', botocore, ...args]);
  return stdout.trim();
}

/** Implementations of SigV4 other than ours and the SDK's. */
const signers = [
  { name: 'curl', send: withCurl, present: isPresent('curl', ['--help', 'auth'], /aws-sigv4/) },
  {
    name: 'botocore',
    send: withBotocore,
    present: isPresent('python3', ['-c', 'import botocore; print("yes")'], /yes/),
  },
];

const present = signers.filter((signer) => signer.present);
const names = (some: typeof signers) => some.map(({ name }) => name).join(', ') || 'none';

test(`at least one foreign signer is installed: ${names(present)}; missing: ${names(signers.filter((one) => !one.present))}`, () => {
  expect(present).not.toEqual([]);
});

describe.each(present)('signed by $name', ({ send }) => {
  test('a call reaches the function when the path has the account', async () => {
    expect(await send({ path: '/token/demo-a', keys: callers.all })).toMatch(/^200\n/);
    expect(events).toMatchObject([{ pathParameters: { account: 'demo-a' }, body: null }]);
  });

  test('a call reaches the function when it has a body and a session token', async () => {
    expect(await send({ path: '/token/demo-a', keys: callers.first, body })).toMatch(/^200\n/);
    expect(events).toMatchObject([{ pathParameters: { account: 'demo-a' }, body }]);
  });

  test('a call is refused when the secret key is wrong, or the caller has no rights', async () => {
    const wrong = { ...callers.all, secretAccessKey: 'not-a-real-key-at-all' };
    expect(await send({ path: '/token/demo-a', keys: wrong })).toMatch(/^403\n.*"error":"forbidden"/);
    expect(await send({ path: '/token/demo-b', keys: callers.first, body })).toMatch(/^403\n.*"error":"forbidden"/);
  });
});

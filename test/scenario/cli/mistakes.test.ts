// The table of mistakes that a person can make with the command line: each is one line, an exit code, and no secret.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type LoopbackServer, serve } from '../../../local/loopback.ts';
import { type CommandLine, type CommandOptions, createCommandLine } from '../../support/cli/command.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';

vi.setConfig({ testTimeout: 60_000 });

const secrets = ['not-a-real', 'AKIDNOTREAL', 'canary'];
const strangeKeys = { accessKeyId: 'AKIDNOTREAL', secretAccessKey: 'not-a-real-key' };
const noHost = 'https://no-such-host.invalid';

const config = `
[default]
region = us-east-1
[profile no-keys]
region = us-east-1
[profile process-fails]
credential_process = sh -c 'echo canary-output; echo canary-error >&2; exit 7'
[profile process-no-json]
credential_process = echo canary-output
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/ana
[profile base]
aws_access_key_id = AKIDNOTREAL
aws_secret_access_key = not-a-real-key
[profile without-source]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = bas
[profile circle]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = circle-back
[profile circle-back]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = circle
[profile sso]
sso_session = company
sso_account_id = 123456789012
sso_role_name = deploy
[sso-session company]
sso_start_url = https://company.awsapps.com/start
sso_region = us-east-1
[profile web]
role_arn = arn:aws:iam::123456789012:role/deploy
web_identity_token_file = /no/such/file
`;

let system: GatewaySystem;
let commands: CommandLine;
let aws: LoopbackServer;
/** What the service answers to every request: the type and the text of an error. */
let answer: readonly [type: string, message: string] = ['', ''];
let file: string;
let twoBrokers: string;
let utf16: string;
let noUrl: string;

beforeAll(async () => {
  system = await startGatewaySystem();
  commands = await createCommandLine();
  file = await commands.write('config', config);
  twoBrokers = await commands.write('two.json', '{"A":{"Url":"https://a.example"},"B":{"Url":"https://b.example"}}');
  utf16 = await commands.write('utf16.json', Buffer.from('\ufeff{}', 'utf16le'));
  noUrl = await commands.write('no-url.json', '{"A":{"Url":"canary"}}');
  aws = await serve((request, response) => {
    const isStatus = request.url?.includes('/functions/') && answer[0].startsWith('secret:');
    const type = answer[0].replace('secret:', '');
    // Secrets Manager names the type in the body, Lambda in a header.
    const body = { __type: type, message: answer[1], Message: answer[1] };
    response.writeHead(isStatus ? 200 : 400, isStatus ? {} : { 'x-amzn-errortype': type });
    response.end(JSON.stringify(isStatus ? { accounts: [{ account: 'one' }] } : body));
  });
});
afterAll(() => Promise.all([system.close(), commands.close(), aws.close()]));

interface Mistake {
  readonly args: string;
  readonly options?: CommandOptions;
  readonly caller?: 'operator' | 'all' | 'first';
  /** What AWS answers. The endpoint is then a server that answers so. */
  readonly refusal?: readonly [type: string, message: string];
  readonly code: number;
  readonly says: string;
}

const profile = (name: string) => ({ env: { AWS_CONFIG_FILE: '$config', AWS_REGION: 'us-east-1', AWS_PROFILE: name } });
const own = { options: { keys: strangeKeys, env: { AWS_REGION: 'us-east-1' } } };
const canonical = 'canary\nx-amz-security-token:canary-session';

const mistakes: Readonly<Record<string, Mistake>> = {
  // The command line
  'a mistyped command': { args: 'staus', code: 2, says: "unknown command 'staus'" },
  'a mistyped option': { args: 'status --profil x', code: 2, says: "unknown option '--profil'" },
  'a missing account': { args: 'pause', code: 2, says: "missing required argument 'account'" },
  'an account too many': { args: 'pause one two', code: 2, says: 'too many arguments' },
  'an option that npm kept': {
    args: 'status',
    options: { env: { npm_config_stack: 'x' } },
    code: 2,
    says: 'npm kept --stack',
  },
  'an unknown format': { args: 'status --output yaml', code: 2, says: "argument 'yaml' is invalid" },
  // The broker
  'no broker': { args: 'status', ...own, code: 2, says: 'the function is not known; give --function-name' },
  'a file that does not exist': {
    args: 'status --outputs nope.json',
    ...own,
    code: 5,
    says: 'nope.json does not exist',
  },
  'a file in UTF-16': { args: 'status --outputs $utf16', ...own, code: 5, says: 'is UTF-16, as `>` of PowerShell 5' },
  'a file of something else': { args: 'status --outputs $config', ...own, code: 5, says: 'is not an outputs file' },
  'a folder': { args: 'status --outputs /', ...own, code: 5, says: '/ is a folder; name the file' },
  'an address that is none': { args: 'token --outputs $noUrl', ...own, code: 2, says: 'the Url of stack A in $noUrl' },
  'a file and the local run': {
    args: 'status --outputs $two $local',
    ...own,
    code: 2,
    says: '--endpoint names the local run, and --outputs a broker on AWS',
  },
  'a stack and the local run': {
    args: 'status --stack A $local',
    ...own,
    code: 2,
    says: '--endpoint names the local run, and --stack a broker on AWS',
  },
  'a stack and the API of another stage': {
    args: 'token --outputs $two --stack A --endpoint https://c.example',
    ...own,
    code: 2,
    says: '--endpoint names another broker than stack A of $two; give only one of them',
  },
  'two brokers in the file': { args: 'status --outputs $two', ...own, code: 2, says: 'choose one with --stack' },
  'a mistyped stack': { args: 'status --outputs $two --stack C', ...own, code: 5, says: 'has no stack C' },
  'no region': {
    args: 'status --function-name f',
    options: { keys: strangeKeys },
    code: 2,
    says: 'no AWS region; give',
  },
  'a region that is an address': {
    args: 'status --function-name f --region example.com/',
    ...own,
    code: 2,
    says: '--region is "example.com/", which is not a region of AWS, such as us-east-1',
  },
  'a region without its number': {
    args: 'status --function-name f',
    options: { keys: strangeKeys, env: { AWS_REGION: 'us-east' } },
    code: 2,
    says: 'AWS_REGION is "us-east", which is not a region of AWS',
  },
  'an empty region': {
    args: 'status --function-name f',
    options: { keys: strangeKeys, env: { AWS_REGION: '' } },
    code: 2,
    says: 'AWS_REGION is "", which is not a region of AWS',
  },
  'a region with a Windows line end': {
    args: 'status $local --region us-east-1\r',
    ...own,
    code: 2,
    says: '--region is "us-east-1\\r", which is not a region',
  },
  'a shell variable that is not set': {
    args: 'status $local --function-name=',
    ...own,
    code: 2,
    says: '--function-name is empty; leave it out, or set the shell variable',
  },
  'an account that is not set': { args: 'pause $empty $local', ...own, code: 2, says: 'an argument is empty' },
  'an endpoint without https': {
    args: 'token --endpoint http://x.example',
    ...own,
    code: 2,
    says: 'can be read on the network',
  },
  'an endpoint with a password': {
    args: 'token --endpoint https://u:not-a-real-one@x.example',
    ...own,
    code: 2,
    says: '--endpoint has a user or a password in it; name it without them',
  },
  'an address of another project': {
    args: 'status --function-name f',
    options: { keys: strangeKeys, env: { AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: 'http://x.example:4566' } },
    code: 2,
    says: 'unset AWS_ENDPOINT_URL',
  },
  'a host that does not exist': {
    args: `token --endpoint ${noHost} --region us-east-1`,
    ...own,
    code: 6,
    says: 'broker_unreachable',
  },
  // The account
  'a mistyped account': { args: 'token onne $local', caller: 'all', code: 5, says: 'unknown_account' },
  'an account in capitals': {
    args: 'token One $local',
    caller: 'all',
    code: 2,
    says: 'account: not a valid account id',
  },
  'no right to the account': { args: 'token two $local', caller: 'first', code: 4, says: 'forbidden' },
  'no right to operate': { args: 'pause one $local', caller: 'all', code: 4, says: 'Grant it with grantAdmin' },
  'a reset of a readable item': { args: 'reset one $local', caller: 'operator', code: 1, says: 'nothing to reset' },
  'no password in the input': {
    args: 'credentials set one --username u $local',
    caller: 'operator',
    code: 2,
    says: 'nothing was stored: the secret is not of the expected form: field password is empty',
  },
  // The keys
  'no keys': {
    args: 'status --function-name f --region us-east-1',
    code: 3,
    says: 'no AWS credentials: no AWS_ACCESS_KEY_ID',
  },
  'a mistyped profile': {
    args: 'status --function-name f',
    options: profile('no-keyz'),
    code: 3,
    says: 'the AWS profile no-keyz is neither in $config nor in ~/.aws/credentials; there is: default, no-keys',
  },
  'a profile in a file that cannot be read': {
    args: 'status --function-name f',
    options: { env: { AWS_CONFIG_FILE: '/', AWS_REGION: 'us-east-1', AWS_PROFILE: 'x' } },
    code: 3,
    says: 'the AWS profile x is neither in /, which cannot be read (EISDIR), nor in ~/.aws/credentials',
  },
  'a mistyped source_profile': {
    args: 'status --function-name f',
    options: profile('without-source'),
    code: 3,
    says: 'the AWS profile bas, which without-source names as source_profile, is neither in',
  },
  'a profile without keys': {
    args: 'status --function-name f',
    options: profile('no-keys'),
    code: 3,
    says: 'no AWS credentials',
  },
  'profiles in a circle': {
    args: 'status --function-name f',
    options: profile('circle'),
    code: 3,
    says: 'leads back to itself',
  },
  'a credential_process that fails': {
    args: 'status --function-name f',
    options: profile('process-fails'),
    code: 3,
    says: 'the credential_process of the AWS profile process-fails failed; run that command yourself',
  },
  'a credential_process that prints no JSON': {
    args: 'status --function-name f',
    options: profile('process-no-json'),
    code: 3,
    says: 'the credential_process of the AWS profile process-no-json failed',
  },
  'an SSO session that has expired': {
    args: 'status --function-name f',
    options: profile('sso'),
    code: 3,
    says: 'run `aws sso login --profile sso`',
  },
  'an identity token that is not there': {
    args: 'status --function-name f',
    options: profile('web'),
    code: 3,
    says: 'the web identity token file of the AWS profile web cannot be read',
  },
  'an MFA profile without a terminal': {
    args: 'status --function-name f',
    options: profile('mfa'),
    code: 3,
    says: 'the AWS profile needs an MFA code, and this is no terminal',
  },
  'an access key with a Windows line end': {
    args: 'status $local',
    options: { keys: { ...strangeKeys, accessKeyId: 'AKIDNOTREAL\r' } },
    code: 3,
    says: 'The AWS access key has a line end, a space or another character that no key has',
  },
  'a secret key with a space': {
    args: 'token one $local',
    options: { keys: { ...strangeKeys, secretAccessKey: 'not-a-real-key ' } },
    code: 3,
    says: 'The AWS secret key has a line end',
  },
  'a session token with a Windows line end': {
    args: 'token one $local',
    options: { keys: { ...strangeKeys, sessionToken: 'canary\r' } },
    code: 3,
    says: 'The AWS session token has a line end',
  },
  'keys that AWS does not know': { args: 'status $local', ...own, code: 3, says: 'AWS does not know the access key' },
  // What AWS answers to an operator
  'a session that has expired': {
    args: 'status $aws',
    refusal: ['ExpiredTokenException', 'The security token included in the request is expired'],
    code: 3,
    says: 'The session of the AWS keys has expired',
  },
  'a wrong secret key': {
    args: 'status $aws',
    refusal: ['InvalidSignatureException', `The request signature we calculated does not match: ${canonical}`],
    code: 3,
    says: 'The secret key is not of this access key',
  },
  'a wrong region': {
    args: 'status $aws',
    refusal: ['InvalidSignatureException', 'Credential should be scoped to a valid region.'],
    code: 3,
    says: 'The signature is for the region us-east-1, which is not the broker’s',
  },
  'a mistyped function': {
    args: 'status $aws',
    refusal: [
      'ResourceNotFoundException',
      'Function not found: arn:aws:lambda:us-east-1:123456789012:function:f:admin',
    ],
    code: 5,
    says: 'function:f:admin; check the name, the AWS account and the region',
  },
  'a secret of another account': {
    args: 'credentials set one --secret-id s --username u $aws',
    refusal: ['secret:ResourceNotFoundException', 'Secrets Manager can’t find the specified secret.'],
    code: 5,
    says: 'not found: Secrets Manager can’t find the specified secret; check the name',
  },
  'no right to the secret': {
    args: 'credentials set one --secret-id s --username u $aws',
    refusal: ['secret:AccessDeniedException', 'User: arn:aws:iam::123456789012:user/ana is not authorized'],
    code: 4,
    says: 'not permitted: User: arn:aws:iam::123456789012:user/ana is not authorized',
  },
  'no right to the key of the secret': {
    args: 'credentials set one --secret-id s --username u $aws',
    refusal: ['secret:AccessDeniedException', 'Access to KMS is not allowed'],
    code: 4,
    says: 'Access to KMS is not allowed; grant it with grantAdmin',
  },
  'a wrong secret key at Secrets Manager': {
    args: 'credentials set one --secret-id s --username u $aws',
    refusal: ['secret:InvalidSignatureException', `The request signature we calculated does not match: ${canonical}`],
    code: 3,
    says: 'The secret key is not of this access key',
  },
};

/** Puts in what is known only when the servers run. */
function filled(text: string): string {
  const local = `--endpoint ${system.gateway.url} --secrets-endpoint ${system.servers.secrets.url}`;
  const stranger = `--endpoint ${aws.url} --secrets-endpoint ${aws.url}`;
  const places: readonly [string, string][] = [
    ['$local', local],
    ['$aws', stranger],
    ['$config', file],
    ['$two', twoBrokers],
    ['$utf16', utf16],
    ['$noUrl', noUrl],
  ];
  return places.reduce((so, [name, place]) => so.replace(name, place), text);
}

function optionsOf({ options = {}, caller, refusal, args }: Mistake): CommandOptions {
  const keys = caller === undefined ? ((refusal && strangeKeys) ?? options.keys) : system.callers[caller];
  const env = Object.fromEntries(Object.entries(options.env ?? {}).map(([name, value]) => [name, filled(value)]));
  const isAnswered = args.startsWith('credentials') && refusal !== undefined;
  return { ...options, ...(keys && { keys }), env, ...(isAnswered && { typed: ['not-a-real-password', 'n'] }) };
}

describe('promise 62: a mistake is one line with its cause, and no secret', () => {
  test.each(Object.entries(mistakes))('%s', async (_, mistake) => {
    answer = mistake.refusal ?? answer;
    const words = filled(mistake.args).split(' ').filter(Boolean);
    const args = words.map((word) => (word === '$empty' ? '' : word));
    const { code, out, err } = await commands.run(args, optionsOf(mistake));
    const said = err.filter((line) => !/^(Password|broker: stack)/.test(line));

    expect([code, out.length, said.length, said]).toEqual([
      mistake.code,
      0,
      1,
      [expect.stringContaining(filled(mistake.says))],
    ]);
    expect(said[0]).toMatch(/^broker: [^\n]{1,400}$/);
    expect(said[0]).not.toMatch(/ {4}at |node:internal/);
    for (const secret of secrets) {
      expect(said[0]).not.toContain(secret);
    }
  });

  test('the table has at least 20', () => {
    expect(Object.keys(mistakes).length).toBeGreaterThanOrEqual(20);
  });
});

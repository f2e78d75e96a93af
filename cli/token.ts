// The command `token`: gets a token as any caller does. Called by program.ts.
import type { Command } from 'commander';
import { regionOf } from '../client/endpoint.ts';
import { type AccessToken, createTokenClient, type TokenClient } from '../client/index.ts';
import { invokeTransport } from '../client/invoke.ts';
import { checkAccount } from '../client/options.ts';
import { nodeRuntime } from '../client/retry.ts';
import { tokenClient } from '../client/token-client.ts';
import { functionEndpoint } from './aws/admin.ts';
import { awsIdentity } from './aws/aws.ts';
import { checkEndpoint } from './aws/endpoints.ts';
import { environment } from './environment.ts';
import { CommandError, exitCodes } from './failure.ts';
import { addExamples } from './output/examples.ts';
import type { Output } from './output/output.ts';
import { describeTime } from './output/times.ts';
import { findTarget, required, type Target, type TargetOptions } from './target.ts';

interface Options extends TargetOptions {
  readonly showToken?: true;
  readonly header?: true;
}

/** Adds the command. It calls the broker with the AWS credentials that the SDK finds. */
export function addToken(program: Command, output: Output): void {
  const added = program
    .command('token')
    .description('get a token; prints its fingerprint and expiry, but not the token')
    .argument('[account]', 'account id (default: the broker’s default account)')
    .option('--show-token', 'also print the token')
    .option('--header', 'print only `Authorization: Bearer <token>`, for scripts')
    .action(async (account: string | undefined, _options: object, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      if (options.header && output.format === 'json') {
        throw new CommandError(exitCodes.usage, '--header is text; with --output json, use --show-token');
      }
      const client = await clientFor(findTarget(options, output.note), account, options);
      const token = await client.getToken();
      output.show(documentOf(token, options), linesOf(token, options));
    });
  addExamples(added, program, [
    ['see whether the account works, without the token', 'token main'],
    ['pass the token on in a script', 'token main --header | curl --header @- https://api.fegora.com/…'],
    ['read one member', 'token main --output json | jq -r .expires_in'],
  ]);
}

/** Returns a client of the API, or of the function if only the function is known. */
export async function clientFor(
  target: Target,
  account: string | undefined,
  { endpoint: given }: TargetOptions,
): Promise<TokenClient> {
  const { endpoint, functionName, region, allowed } = target;
  const { credentials, region: findRegion } = awsIdentity(target);
  if (endpoint === undefined && functionName !== undefined) {
    const named = required(account, 'account', 'an account id');
    checkAccount(named);
    const lambda = { region: await findRegion(), functionName, account: named, credentials, env: environment };
    // The client itself knows no profile and no --allow-endpoint. The other commands must not reach another Lambda than this one.
    const transport = invokeTransport({ ...lambda, endpoint: await functionEndpoint(target, lambda.region) }, Date.now);
    return tokenClient(transport, nodeRuntime);
  }
  const url = new URL(required(endpoint, 'endpoint', '--endpoint'));
  if (given === undefined) {
    checkEndpoint({ url: url.href, from: 'the Url of the outputs' }, 'execute-api', allowed);
  }
  return createTokenClient({
    endpoint: url,
    ...(account !== undefined && { account }),
    credentials,
    region: region ?? regionOf(url.hostname) ?? (await findRegion()),
  });
}

/** Returns when the token expires, by the broker's clock: the same for one token in every command and in the audit record. */
export function expiryOf({ reportedExpiry, expiresAt }: AccessToken): string {
  return reportedExpiry ?? new Date(expiresAt).toISOString();
}

/** The members have the names that they have in the API. */
function documentOf(token: AccessToken, { showToken }: Options) {
  const { account, fingerprint, expiresAt, warning, accessToken } = token;
  return {
    account,
    token_sha256: fingerprint,
    expires_in: Math.floor((expiresAt - Date.now()) / 1000),
    expires_at: expiryOf(token),
    ...(warning !== undefined && { warning }),
    ...(showToken && { access_token: accessToken }),
  };
}

function linesOf(token: AccessToken, options: Options): string[] {
  if (options.header) {
    return [`Authorization: Bearer ${token.accessToken}`];
  }
  const { expires_in: seconds, ...shown } = documentOf(token, options);
  // By the broker's clock, because this machine's may be wrong.
  const now = Date.parse(shown.expires_at) - seconds * 1000;
  return Object.entries(shown).map(([name, value]) => `${name.padEnd(12)} ${describeTime(value, now)}`);
}

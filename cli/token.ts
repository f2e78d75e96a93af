// The command `token`: gets a token as any caller does. Called by program.ts.
import { type Command, Option } from 'commander';
import { regionOf } from '../client/endpoint.ts';
import { type AccessToken, createTokenClient, type TokenClient } from '../client/index.ts';
import { awsIdentity } from './aws.ts';
import { checkEndpoint } from './endpoints.ts';
import { findTarget, required, type Target, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

interface Options extends TargetOptions {
  readonly showToken?: true;
  readonly json?: true;
  readonly header?: true;
}

/** Adds the command. It calls the broker with the AWS credentials that the SDK finds. */
export function addToken(program: Command, terminal: Terminal): void {
  program
    .command('token')
    .description('get a token; prints its fingerprint and expiry, but not the token')
    .argument('[account]', 'account id (default: the broker’s default account)')
    .option('--show-token', 'also print the token')
    .addOption(new Option('--header', 'print only `Authorization: Bearer <token>`, for scripts').conflicts('json'))
    .option('--json', 'print as JSON')
    .action(async (account: string | undefined, _options: object, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const token = await (await clientFor(findTarget(options), account, options)).getToken();
      for (const line of render(token, options)) {
        terminal.print(line);
      }
    });
}

/** Returns a client of the API, or of the function if only the function is known. */
async function clientFor(
  target: Target,
  account: string | undefined,
  { endpoint: given }: TargetOptions,
): Promise<TokenClient> {
  const { endpoint, functionName, region, allowed } = target;
  const { credentials, region: findRegion } = awsIdentity(target);
  if (endpoint === undefined && functionName !== undefined) {
    const named = required(account, 'account', 'an account id');
    return createTokenClient({ functionName, account: named, credentials, region: await findRegion() });
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

function render(token: AccessToken, { showToken, header, json }: Options): string[] {
  if (header) {
    return [`Authorization: Bearer ${token.accessToken}`];
  }
  const shown = {
    account: token.account,
    fingerprint: token.fingerprint,
    expires: new Date(token.expiresAt).toISOString(),
    ...(token.warning !== undefined && { warning: token.warning }),
    ...(showToken && { token: token.accessToken }),
  };
  return json ? [JSON.stringify(shown)] : Object.entries(shown).map(([name, value]) => `${name.padEnd(12)} ${value}`);
}

import { type Command, Option } from 'commander';
import { type AccessToken, createTokenClient, type TokenClient } from '../client/index.ts';
import { lambdaClient } from './admin.ts';
import { findTarget, known, type Target, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

interface Options extends TargetOptions {
  readonly showToken?: true;
  readonly json?: true;
  readonly header?: true;
}

/** Calls the broker as any caller would, with the AWS credentials at hand. */
export function addToken(program: Command, terminal: Terminal): void {
  program
    .command('token')
    .description('get a token; shows its fingerprint and expiry, not itself')
    .argument('[account]', 'account id (default: the broker’s default account)')
    .option('--show-token', 'print the token as well')
    .addOption(
      new Option('--header', 'print `Authorization: Bearer <token>` and nothing else, for scripts').conflicts('json'),
    )
    .option('--json', 'print as JSON')
    .action(async (account: string | undefined, _options: object, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const token = await (await clientFor(findTarget(options), account)).getToken();
      for (const line of render(token, options)) {
        terminal.print(line);
      }
    });
}

/** Through the gateway where one is known, else by direct invocation. */
async function clientFor(target: Target, account: string | undefined): Promise<TokenClient> {
  const { endpoint, functionName, region } = target;
  const sdk = lambdaClient(target).config;
  const { credentials } = sdk;
  if (endpoint === undefined && functionName !== undefined) {
    const named = known(account, 'account', 'an account id');
    return createTokenClient({ functionName, account: named, credentials, region: await sdk.region() });
  }
  return createTokenClient({
    endpoint: known(endpoint, 'endpoint', '--endpoint'),
    ...(account !== undefined && { account }),
    credentials,
    region,
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

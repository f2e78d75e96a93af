import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Command } from 'commander';
import { parseSecret } from '../lambda/aws/secret.ts';
import { BrokerError } from '../lambda/errors.ts';
import { awsConfig, notTheBroker, order } from './admin.ts';
import { CommandError, exitCodes } from './failure.ts';
import { findTarget, known, type Target, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

interface Options extends TargetOptions {
  readonly username?: string;
  readonly clientId?: string;
  readonly secretId?: string;
  readonly verify?: boolean;
}

/**
 * Puts an account's Fegora credentials into its secret. The password is asked for, or read from a line of the input: it
 * has no option, so that it is in no list of processes and in no shell's history.
 */
export function addCredentialsSet(program: Command, terminal: Terminal): void {
  program
    .command('credentials')
    .description('Fegora credentials')
    .command('set')
    .description('ask for username and password and put them into the account’s secret')
    .argument('<account>', 'account id')
    .option('--username <name>', 'Fegora user, usually the NIT (default: asked for)')
    .option('--client-id <id>', 'client id of this account (default: the broker’s)')
    .option('--secret-id <id>', 'name or ARN of the secret (default: from the stack’s outputs)')
    .option('--verify', 'log in with them at once (default: asked for)')
    .option('--no-verify', 'do not')
    .action(async (account: string, _options: object, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const target = findTarget(options);
      const secrets = secretsClient(target);
      const SecretId = options.secretId ?? (await findSecret(target, account));
      const SecretString = await askSecret(terminal, options);
      const { VersionId = 'unknown' } = await secrets.send(new PutSecretValueCommand({ SecretId, SecretString }));
      terminal.print(`${account}: stored as version ${VersionId}`);
      if (await wantsVerification(terminal, options)) {
        terminal.print(await verify(target, account));
      }
    });
}

/**
 * The account's secret. The names of the outputs have lost their hyphens, so only the broker knows that this account is
 * one, and no misspelling of another.
 */
async function findSecret(target: Target, account: string): Promise<string> {
  const secretId = known(target.secretId(account), 'secret', '--secret-id');
  const { accounts } = await order(target, { action: 'status', account });
  if (!Array.isArray(accounts) || accounts[0]?.account !== account) {
    throw notTheBroker();
  }
  return secretId;
}

/** The secret's text, in the form that the broker reads. */
async function askSecret(terminal: Terminal, { username, clientId }: Options): Promise<string> {
  const secret = JSON.stringify({
    username: username ?? (await terminal.ask('Username: ')),
    password: await terminal.askHidden('Password (not shown): '),
    ...(clientId !== undefined && { client_id: clientId }),
  });
  try {
    parseSecret(secret);
    return secret;
  } catch (thrown) {
    if (thrown instanceof BrokerError) {
      throw new CommandError(exitCodes.usage, `nothing was stored: ${thrown.message}`);
    }
    throw thrown;
  }
}

/** @throws CommandError where the password of the local run would go to AWS */
function secretsClient(target: Target): SecretsManagerClient {
  const { secretsEndpoint: endpoint, lambdaEndpoint } = target;
  if (endpoint === undefined && lambdaEndpoint !== undefined) {
    throw new CommandError(exitCodes.usage, 'the local Secrets Manager is not known: give --secrets-endpoint');
  }
  return new SecretsManagerClient({ ...awsConfig(target), ...(endpoint !== undefined && { endpoint }) });
}

async function wantsVerification(terminal: Terminal, { verify: wanted }: Options): Promise<boolean> {
  if (wanted !== undefined || !terminal.isInteractive) {
    return wanted ?? false;
  }
  const answer = await terminal.ask('Log in with them now, through the broker? [Y/n] ');
  return !/^n/i.test(answer.trim());
}

const verdicts = new Map<unknown, string>([
  ['renewed', 'Fegora takes them'],
  ['fresh', 'in use already'],
]);

/** @throws CommandError where nothing was tried */
async function verify(target: Target, account: string): Promise<string> {
  const { outcome, expires_at: expiresAt } = await order(target, { action: 'verify', account });
  if (outcome === 'skipped') {
    const why = 'since a login was a moment ago or is under way; the next renewal uses them';
    throw new CommandError(exitCodes.tryLater, `${account}: stored, but not tried now, ${why}`);
  }
  const verdict = verdicts.get(outcome);
  if (verdict === undefined) {
    throw notTheBroker();
  }
  const until = expiresAt === undefined ? '' : ` (token valid until ${expiresAt})`;
  return `${account}: ${verdict}${until}`;
}

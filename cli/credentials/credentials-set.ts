// The command `credentials set`: stores the Fegora credentials of an account in its secret. Called by program.ts.
import type { Command } from 'commander';
import { TokenBrokerError } from '../../client/index.ts';
import { refuseUnfit, secretIdByStatus } from '../accounts/open-secrets.ts';
import { invokeAdmin, unexpectedAnswer } from '../aws/admin.ts';
import { openSecrets } from '../aws/secrets-client.ts';
import { asCommandError } from '../failure.ts';
import { addExamples } from '../output/examples.ts';
import type { Output } from '../output/output.ts';
import { findTarget, required, type Target, type TargetOptions } from '../target.ts';
import { askSecret } from './asked-secret.ts';
import { confirmRisk, isRefused } from './lockout.ts';
import { offerPreviousValue } from './previous-value.ts';
import { store } from './stored-value.ts';
import { verify } from './verification.ts';
import { isYes } from './yes.ts';

interface Options extends TargetOptions {
  readonly username?: string;
  readonly clientId?: string;
  readonly secretId?: string;
  readonly verify?: boolean;
  readonly yes?: true;
}

/**
 * Adds the command. It asks for the password, or reads it from a line of standard input. The password has no option,
 * because options are visible in the process list and in the shell's history.
 */
export function addCredentialsSet(program: Command, output: Output): void {
  const added = program
    .command('credentials')
    .description('Fegora credentials')
    .command('set')
    .description('ask for user name and password, and store them in the account’s secret')
    .argument('<account>', 'account id')
    .option('--username <name>', 'Fegora user, usually the NIT (default: the command asks)')
    .option('--client-id <id>', 'client id of this account (default: the one of the broker)')
    .option('--secret-id <id>', 'name or ARN of the secret (default: from the stack’s outputs)')
    .option('--verify', 'log in with them now (default: the command asks)')
    .option('--no-verify', 'do not log in with them now')
    .option('--yes', 'store them without a question, also if Fegora refused a password within the last hour')
    .action(async (account: string, _options: object, command: Command) => {
      // What is typed while the command waits may be the password.
      output.hide();
      const options = command.optsWithGlobals<Options>();
      const target = findTarget(options, output.note);
      const secrets = await openSecrets(target);
      const { secretId, status } = await findSecret(target, account, options);
      await refuseUnfit(target, secrets, { account, secretId, status });
      await confirmRisk(output, status, { yes: options.yes ?? false, now: Date.now() });
      const versionId = await store({ secrets, output }, { account, secretId }, await askSecret(output, options));
      if (await wantsVerification(output, options)) {
        const { document, line } = await verify(target, output, account).catch(async (thrown) => {
          // A previous value that Fegora refused as well does not help.
          if (isRefusal(thrown) && !isRefused(status)) {
            await offer(output, () => offerPreviousValue(secrets, output, { account, secretId, versionId }));
          }
          throw thrown;
        });
        output.show(document, [line]);
      }
    });
  addExamples(added, program, [
    ['type user and password, and let the broker log in with them', 'credentials set main'],
    [
      'in a script: the password is a line of standard input',
      'credentials set main --username 12345678 --verify < password.txt',
    ],
    ['on this machine, as `npm start` prints it', 'credentials set main --endpoint <url> --secrets-endpoint <url>'],
  ]);
}

/**
 * Returns the id of the account's secret, and what the broker's `status` says of the account. The names of the stack's
 * outputs have no hyphens, so a misspelt account (`on-e`) could have the output of another one (`one`). Only the broker
 * knows whether the account exists, so it is asked. If `--secret-id` names the secret, the broker need not know the account.
 *
 * @throws CommandError if the secret is not known, TokenBrokerError `unknown_account`
 */
async function findSecret(target: Target, account: string, { secretId: named }: Options) {
  required(named ?? target.secretId(account), 'secret', '--secret-id');
  const status = await readStatus(target, account).catch((thrown) => {
    if (named === undefined) {
      throw thrown;
    }
  });
  const secretId = required(named ?? secretIdByStatus(target, account, status), 'secret', '--secret-id');
  return { secretId, status };
}

/** What the broker knows of an account. @throws TokenBrokerError `unknown_account` */
export async function readStatus(target: Target, account: string): Promise<unknown> {
  const { accounts } = await invokeAdmin(target, { action: 'status', account });
  if (!Array.isArray(accounts) || accounts[0]?.account !== account) {
    throw unexpectedAnswer();
  }
  return accounts[0];
}

async function wantsVerification(output: Output, { verify: wanted }: Options): Promise<boolean> {
  if (wanted !== undefined || !output.isInteractive) {
    return wanted ?? false;
  }
  return isYes(await output.ask('Log in with them now, through the broker? [Y/n] '), true);
}

function isRefusal(thrown: unknown): boolean {
  return thrown instanceof TokenBrokerError && thrown.code === 'credentials_rejected';
}

/** An offer that fails must not hide the refusal. */
async function offer(output: Output, work: () => Promise<void>): Promise<void> {
  await work().catch((failure: unknown) => {
    output.note(`the previous value cannot be offered: ${asCommandError(failure).message}`);
  });
}

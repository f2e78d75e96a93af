// The command `doctor`: checks everything that a token needs, and says what to do. Called by ../program.ts.
import type { Command } from 'commander';
import { CommandError, exitCodes } from '../failure.ts';
import { addExamples } from '../output/examples.ts';
import type { Output } from '../output/output.ts';
import type { TargetOptions } from '../target.ts';
import { type Check, type Finding, notChecked } from './check.ts';
import { accountChecks, brokerChecks, firstChecks, unnamedChecks } from './checks.ts';
import { type Examined, examine } from './examined.ts';

interface Options extends TargetOptions {
  readonly login?: true;
}

/** Adds the command. It changes nothing, and starts no login unless `--login` says so. */
export function addDoctor(program: Command, output: Output): void {
  const added = program
    .command('doctor')
    .description('check machine, AWS keys, API, function, secrets and accounts, and say what to do')
    .argument('[account]', 'account id (default: all accounts)')
    .option('--login', 'also get a token of each account, for which the broker may log in to Fegora')
    .action(async (account: string | undefined, _options: object, command: Command) => {
      const { login = false, ...options } = command.optsWithGlobals<Options>();
      const faults = await runAll(examine({ options, account, login }, output.note), output);
      if (faults > 0) {
        throw new CommandError(
          exitCodes.failed,
          `${faults} ${faults === 1 ? 'check' : 'checks'} found something wrong`,
        );
      }
    });
  addExamples(added, program, [
    ['the broker of cdk-outputs.json, all accounts', 'doctor'],
    ['one account, also with a token', 'doctor main --login'],
    ['what is wrong, for a script', `doctor --output json | jq '.checks[] | select(.outcome == "wrong")'`],
  ]);
}

/** Makes the checks, shows each as soon as it is done, and returns how many found something wrong. */
async function runAll(examined: Examined, output: Output): Promise<number> {
  const done: { readonly check: string; readonly outcome: Finding['outcome'] }[] = [];
  const runEach = async (checks: readonly Check[]) => {
    for (const { name, run } of checks) {
      output.waitFor(`checking ${name}`);
      const finding = await run(examined);
      done.push({ check: name, ...finding });
      output.show({ checks: done }, linesOf(name, finding, output));
    }
  };
  await runEach(firstChecks);
  const isKnown = done.some(({ check, outcome }) => check === 'outputs' && outcome === 'ok');
  await runEach(isKnown ? brokerChecks : brokerChecks.map(withoutBroker));
  if (isKnown) {
    const accounts = await accountsOf(examined);
    await runEach(accounts.length > 0 ? accounts.flatMap(accountChecks) : unnamedChecks(examined.login));
  }
  return done.filter(({ outcome }) => outcome === 'wrong').length;
}

function withoutBroker({ name }: Check): Check {
  return { name, run: async () => notChecked('the broker is not known') };
}

/** The accounts that the broker names, or the one that the operator names. */
async function accountsOf({ account, status }: Examined): Promise<readonly string[]> {
  const named = account === undefined ? [] : [account];
  return status().then(
    (accounts) => accounts.map((one) => String(one.account)),
    () => named,
  );
}

const styles = { ok: 'green', wrong: 'red', not_checked: 'yellow' } as const;
const nameWidth = 16;

function linesOf(name: string, { outcome, text, advice, runbook }: Finding, { style }: Output): string[] {
  const label = style(styles[outcome], outcome.replace('not_checked', '-').padEnd(5));
  const more = [advice, runbook && `runbook: ${runbook}`].filter((line) => line !== undefined);
  return [
    `${label}  ${name.padEnd(nameWidth)}  ${text}`,
    ...more.map((line) => `${' '.repeat(7 + nameWidth)}  ${line}`),
  ];
}

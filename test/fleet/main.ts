// Prints how a fleet of environments fares that all start at once, or the callers of many accounts for days. Run by `npm run fleet`.
import { optionsOf } from '../../scripts/arguments.ts';
import { type Fleet, type Load, runFleet } from './fleet.ts';
import { runTenants } from './tenants.ts';
import { tenantsText } from './tenants-text.ts';

const usage = `Lets environments start at the same moment, on virtual time and a table with DynamoDB's limits. With --days and without
--environments: lets the callers of many accounts ask for days, and keeps the accounts warm while they are in use.

  npm run fleet -- [options]

  --environments <n>  environments that start (default: 1000)
  --login-ms <n>      how long Fegora takes for a login (default: 1000)
  --accounts <n>      accounts that the environments are called for in turn (default: 1)
  --days <n>          days in which each environment is called every 5 minutes after that, or that the callers ask for (default: 0)
  --new               the accounts never logged in (default: their tokens have just expired)
  --unlimited         the table never throttles
  --json              print JSON
  --help              print this help
`;

const values = optionsOf(usage, {
  environments: { type: 'string' },
  'login-ms': { type: 'string', default: '1000' },
  accounts: { type: 'string', default: '1' },
  days: { type: 'string', default: '0' },
  new: { type: 'boolean', default: false },
  unlimited: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
});
// Without environments, the accounts of a platform are asked for as people do, and kept warm while they are in use.
if (values.environments === undefined && values.days !== '0') {
  const tenants = await runTenants({
    accounts: wholeNumber(values.accounts, '--accounts'),
    days: wholeNumber(values.days, '--days'),
    loginMs: wholeNumber(values['login-ms'], '--login-ms'),
  });
  console.log(values.json ? JSON.stringify(tenants, null, 2) : tenantsText(tenants));
  process.exit(0);
}
const fleet = await runFleet({
  environments: wholeNumber(values.environments ?? '1000', '--environments'),
  loginMs: wholeNumber(values['login-ms'], '--login-ms'),
  accounts: wholeNumber(values.accounts, '--accounts'),
  days: wholeNumber(values.days, '--days', 0),
  isNew: values.new,
  isUnlimited: values.unlimited,
});
console.log(values.json ? JSON.stringify(fleet, null, 2) : textOf(fleet));

function wholeNumber(text: string, option: string, least = 1): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < least) {
    console.error(`${option} must be a whole number, ${least} or more`);
    process.exit(2);
  }
  return number;
}

function textOf(of: Fleet): string {
  const errors = Object.entries(of.errors).map(([code, count]) => `${count} ${code}`);
  const lines = [
    ['environments', of.environments],
    ['calls', of.calls],
    ['logins', `${of.logins}, at most ${of.mostInFlight} at the same time`],
    ['overlapping logins', of.overlaps],
    ['connections to Fegora', of.connections],
    ['caller errors', errors.join(', ') || 0],
    ['reads', loadText(of.reads)],
    ['writes', loadText(of.writes)],
    ['reads of the secret', of.secretReads],
    ['wait, 50th percentile', `${Math.round(of.p50Ms)} ms`],
    ['wait, 99th percentile', `${Math.round(of.p99Ms)} ms`],
    ['longest wait', `${Math.round(of.longestMs)} ms`],
  ];
  return lines.map(([name, value]) => `${String(name).padEnd(24)}${value}`).join('\n');
}

function loadText({ total, throttled, mostInASecond, inFirstSecondEach }: Load): string {
  const each = inFirstSecondEach.toFixed(2);
  return `${total}, ${throttled} throttled, most in a second ${mostInASecond}, each environment in the first second ${each}`;
}

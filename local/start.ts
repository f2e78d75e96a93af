// The command `npm start`: starts the local run, makes one call and prints how to make more.
import { parseArgs, styleText } from 'node:util';
import { post } from '../client/https.ts';
import { signer } from '../client/signer.ts';
import { type LocalRun, startLocalRun } from './local-run.ts';
import { describeCall, describeNext, describeRun, type FirstCall } from './report.ts';
import { SettingRefused } from './settings.ts';

const usage = `Runs the token broker on this machine, without an AWS account.

  npm start -- [options]

  --once         make the first call and exit
  --port <n>     port of the gateway (default: any free port)
  --show-token   print the token of the first call
  --verbose      print the function's log and metrics to standard error
  --only-broker  use a Fegora on another machine with a table on this one: no other broker logs in as the same users
  --help         print this help

Set FEGORA_TOKEN_URL, AWS_ENDPOINT_URL_SECRETS_MANAGER or AWS_ENDPOINT_URL_DYNAMODB to use another service instead of the
built-in one. If one of the two AWS endpoints is on another machine, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY too
(and AWS_SESSION_TOKEN, if you have one): a profile is not read. The function's own settings (FEGORA_ACCOUNTS, ...) work
as in AWS.
`;

/** The options of the command line. */
interface Options {
  readonly once: boolean;
  readonly port: number;
  readonly showToken: boolean;
  readonly verbose: boolean;
  readonly isOnlyBroker: boolean;
}

function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
      'show-token': { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      'only-broker': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : Number.NaN;
  if (!(port <= 65_535)) {
    throw new SettingRefused('--port takes a number from 0 to 65535.');
  }
  const { once, 'show-token': showToken, verbose, 'only-broker': isOnlyBroker, help } = values;
  return help ? 'help' : { once, port, showToken, verbose, isOnlyBroker };
}

/** API Gateway waits this long for the function. */
const callTimeoutMs = 29_000;

async function callOnce({ gateway, callers, settings }: LocalRun): Promise<FirstCall> {
  const { defaultAccount: account, region } = settings;
  const sign = signer('execute-api', region);
  const call = { url: new URL(`${gateway.url}/token/${account}`), headers: {}, body: '' };
  // Not `fetch`: it would send the call through a proxy that the shell may have set.
  const answer = await post(await sign(call, callers.all, Date.now()), AbortSignal.timeout(callTimeoutMs));
  const body: unknown = JSON.parse(answer.body);
  return { status: answer.status, account, body: new Map(Object.entries(Object(body))) };
}

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(usage);
    return;
  }
  const { once, port, showToken, verbose, isOnlyBroker } = options;
  const onLog = verbose ? (line: string) => console.error(dimmed(line)) : () => {};
  const run = await startLocalRun({ env: process.env, isOnlyBroker, port, onLog });
  try {
    console.log(describeRun(run));
    const first = await callOnce(run);
    console.log(`\n${describeCall(first, run, showToken)}`);
    process.exitCode = first.status === 200 ? 0 : 1;
    if (!once) {
      console.log(`\n${describeNext(run)}`);
      await interrupted();
      process.exitCode = 0;
    }
  } finally {
    await run.close();
  }
}

function dimmed(line: string): string {
  return styleText('dim', line, { stream: process.stderr });
}

/** Resolves at SIGINT (Ctrl-C) or SIGTERM. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve).once('SIGTERM', resolve);
  });
}

/** The message for an error that the user can correct. Undefined for every other error, which is a defect of ours. */
function messageForUser(error: unknown): string | undefined {
  if (!(error instanceof Error)) {
    return undefined;
  }
  const code = 'code' in error ? String(error.code) : '';
  // The port is in use, or needs more rights.
  const isPort = 'syscall' in error && error.syscall === 'listen';
  const isFromUser = error instanceof SettingRefused || isPort || code.startsWith('ERR_PARSE_ARGS');
  return isFromUser ? error.message : undefined;
}

// The output is lost (a full disk, a closed pipe), so the process has no more work to do.
process.stdout.once('error', ({ message }) => {
  console.error(`Standard output cannot be written: ${message}`);
  process.exit(1);
});

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(messageForUser(error) ?? error);
  process.exitCode = 1;
}

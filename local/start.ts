// The command `npm start`: starts the local run, makes one call and prints how to make more.
import { styleText } from 'node:util';
import { post } from '../client/https.ts';
import { signer } from '../client/signer.ts';
import { callColumns, callLine, reloadLine, warmUpLine } from './call-lines.ts';
import { type LocalRun, startLocalRun } from './local-run.ts';
import { type Options, readOptions, refuseKeptByNpm, usage } from './options.ts';
import { describeCall, describeNext, describeRun, type FirstCall } from './report.ts';
import { SettingRefused } from './settings.ts';
import { callerVariables, writeVariables } from './variables.ts';
import { startWarmUps } from './warm-ups.ts';

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
  refuseKeptByNpm(process.env, args);
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(usage);
    return;
  }
  const { once, port, orAnyFree, address, verbose, quiet, watch, isOnlyBroker } = options;
  const lines = createLines(quiet);
  const run = await startLocalRun({
    env: process.env,
    ...{ port, orAnyFree, address, isOnlyBroker },
    onLog: verbose ? (line) => console.error(dimmed(line)) : () => {},
    onCall: (call) => lines.write(callLine(call)),
    onReload: watch ? (reload) => lines.write(reloadLine(reload, Date.now())) : undefined,
  });
  try {
    await announce(run, options);
    if (!once) {
      await serve(run, lines);
    }
  } finally {
    await run.close();
  }
}

/** Prints what runs, makes the first call and prints its result. Sets the exit code to that of the call. */
async function announce(run: LocalRun, { port, envFile, showToken }: Options): Promise<void> {
  console.log(describeRun(run, port));
  if (envFile !== undefined) {
    writeVariables(callerVariables(run), envFile);
  }
  const first = await callOnce(run);
  console.log(`\n${describeCall(first, run, showToken)}`);
  process.exitCode = first.status === 200 ? 0 : 1;
}

/** Prints how to make calls and a line for each, and warms the accounts, until Ctrl-C. */
async function serve(run: LocalRun, lines: Lines): Promise<void> {
  console.log(`\n${describeNext(run)}`);
  lines.begin();
  const stopWarmUps = startWarmUps(run, (warmUp) => lines.write(warmUpLine(warmUp)));
  await interrupted();
  stopWarmUps();
  process.exitCode = 0;
}

/** The lines for calls, warm-ups and reloads. */
interface Lines {
  /** Lines before this call are dropped. Prints the names of the columns. */
  readonly begin: () => void;
  readonly write: (line: string) => void;
}

function createLines(quiet: boolean): Lines {
  let hasBegun = false;
  return {
    begin: () => {
      hasBegun = !quiet;
      if (!quiet) {
        console.log(`\n${styleText('bold', callColumns, { stream: process.stdout })}`);
      }
    },
    write: (line) => {
      if (hasBegun) {
        console.log(line);
      }
    },
  };
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
  if (code === 'EADDRNOTAVAIL' && 'address' in error) {
    const advice = '--listen takes one of its IPv4 addresses, such as that of Docker’s bridge';
    return `This machine does not have the address ${error.address}. ${advice}.`;
  }
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

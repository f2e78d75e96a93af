// Finds out which broker the command line is for. Called by every command.
import { existsSync, readFileSync } from 'node:fs';
import { isLoopback } from '../client/endpoint.ts';
import { checkEndpoint } from './endpoints.ts';
import { environment } from './environment.ts';
import { CommandError, exitCodes } from './failure.ts';
import type { AskMfaCode } from './mfa.ts';
import { namedPath } from './npm.ts';

/** The options that name the broker. */
export interface TargetOptions {
  /** Stage URL of the API. */
  readonly endpoint?: string;
  readonly functionName?: string;
  /** The file that `cdk deploy --outputs-file` wrote. */
  readonly outputs?: string;
  /** The stack in that file, if the file has more than one. */
  readonly stack?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly secretsEndpoint?: string;
  /** Origins that are neither of AWS nor loopback, and that the operator trusts all the same. */
  readonly allowEndpoint?: readonly string[];
  /** Set by the program, not by an option. */
  readonly mfaCode?: AskMfaCode;
}

/** Where the broker is: from the options, from the stack's outputs, or the fixed names of the local run. */
export interface Target {
  readonly endpoint: string | undefined;
  readonly functionName: string | undefined;
  readonly secretId: (account: string) => string | undefined;
  /** URL of the Lambda API of the local run. Undefined for AWS. */
  readonly lambdaEndpoint: string | undefined;
  /** URL of the Secrets Manager of the local run. Undefined for AWS. */
  readonly secretsEndpoint: string | undefined;
  readonly region: string | undefined;
  readonly profile: string | undefined;
  /** Origins that may get signed requests and passwords, besides those of AWS and loopback. */
  readonly allowed: readonly string[];
  /** Asks for the code that the profile may need. */
  readonly mfaCode?: AskMfaCode | undefined;
}

type Outputs = Readonly<Record<string, unknown>>;

const defaultOutputs = 'cdk-outputs.json';
/** The names and the region that the local run uses. */
const local = { functionName: 'fegora-token-broker', region: 'us-east-1', secretPrefix: 'fegora/' };

/** Writes a line to the operator, apart from the result. */
type Note = (line: string) => void;

const toStderr: Note = (line) => {
  process.stderr.write(`${line}\n`);
};

/**
 * Returns the broker that the options name. Options have priority over the stack's outputs. A loopback endpoint is the
 * local run, and its gateway also serves the Lambda API. If the broker comes from the outputs, a note says which one it
 * is: the file may be from another stage than the operator thinks.
 *
 * @throws CommandError if an option names an address that must not be used, if a named file or stack does not exist, or if
 *   the file has more than one broker
 */
export function findTarget(options: TargetOptions, note: Note = toStderr): Target {
  const { endpoint, functionName, region, profile, secretsEndpoint, allowEndpoint: allowed = [], mfaCode } = options;
  checkOptions(options);
  if (endpoint !== undefined && isLoopback(new URL(endpoint))) {
    return {
      allowed,
      mfaCode,
      endpoint,
      functionName: functionName ?? local.functionName,
      secretId: (account) => `${local.secretPrefix}${account}`,
      lambdaEndpoint: endpoint,
      secretsEndpoint,
      region: region ?? local.region,
      profile,
    };
  }
  const outputs = readOutputs(options, note);
  return {
    allowed,
    mfaCode,
    endpoint: endpoint ?? text(outputs, 'Url'),
    functionName: functionName ?? text(outputs, 'FunctionName'),
    secretId: (account) => text(outputs, `Secret${account.replaceAll('-', '')}`),
    lambdaEndpoint: undefined,
    secretsEndpoint,
    region,
    profile,
  };
}

/** An API gets a signature that is good for its host only, so `--endpoint` itself is enough to allow an API's own domain. */
function checkOptions({ endpoint, secretsEndpoint, allowEndpoint = [] }: TargetOptions): void {
  if (endpoint !== undefined) {
    const named = URL.canParse(endpoint) ? [new URL(endpoint).origin] : [];
    checkEndpoint({ url: endpoint, from: '--endpoint' }, 'execute-api', named);
  }
  if (secretsEndpoint !== undefined) {
    checkEndpoint({ url: secretsEndpoint, from: '--secrets-endpoint' }, 'secretsmanager', allowEndpoint);
  }
}

/**
 * Returns the value.
 *
 * @param what the value's name in the error message
 * @throws CommandError if the value is undefined
 */
export function required(value: string | undefined, what: string, option: string): string {
  if (value === undefined) {
    const advice = `give ${option}, or --outputs with the file that \`cdk deploy --outputs-file\` wrote`;
    throw new CommandError(exitCodes.usage, `the ${what} is not known; ${advice}`);
  }
  return value;
}

/** Returns the outputs of the one broker in the file. Without a file, and without options that name one: no outputs. */
function readOutputs({ outputs: named, stack, endpoint }: TargetOptions, note: Note): Outputs {
  const file = named === undefined ? defaultOutputs : namedPath(named, '--outputs', environment, process.cwd());
  if (named === undefined && stack === undefined && !existsSync(file)) {
    return {};
  }
  const [broker, another] = Object.entries(parseStacks(file)).filter(([name, outputs]) =>
    stack === undefined ? 'Url' in outputs : name === stack,
  );
  if (another !== undefined) {
    throw new CommandError(exitCodes.usage, `${file} has more than one broker; choose one with --stack`);
  }
  if (broker === undefined) {
    throw new CommandError(
      exitCodes.notFound,
      `${file} has no ${stack === undefined ? 'broker' : `stack ${stack}`}; check --outputs and --stack`,
    );
  }
  const [stackName, found] = broker;
  if (endpoint !== undefined && !isSameStage(endpoint, text(found, 'Url'))) {
    // The file is about another broker, so its function and its secrets are not used.
    return {};
  }
  note(`stack ${stackName} of ${file}, function ${text(found, 'FunctionName') ?? 'unknown'}`);
  return found;
}

function parseStacks(file: string): Readonly<Record<string, Outputs>> {
  try {
    const stacks: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const entries = Object.entries(stacks ?? {});
    return Object.fromEntries(entries.flatMap(([name, outputs]) => (isOutputs(outputs) ? [[name, outputs]] : [])));
  } catch (cause) {
    throw new CommandError(
      exitCodes.notFound,
      `${file} does not exist, or is not an outputs file; run \`cdk deploy --outputs-file\``,
      { cause },
    );
  }
}

function isOutputs(value: unknown): value is Outputs {
  return typeof value === 'object' && value !== null;
}

function text(outputs: Outputs, name: string): string | undefined {
  const value = outputs[name];
  return typeof value === 'string' ? value : undefined;
}

function isSameStage(url: string, another: string | undefined): boolean {
  return url.replace(/\/+$/, '') === another?.replace(/\/+$/, '');
}

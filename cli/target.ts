import { existsSync, readFileSync } from 'node:fs';
import { isSafe } from '../client/options.ts';
import { CommandError, exitCodes } from './failure.ts';

/** Which broker is meant. */
export interface TargetOptions {
  /** Stage URL of the API. */
  readonly endpoint?: string;
  readonly functionName?: string;
  /** What `cdk deploy --outputs-file` wrote. */
  readonly outputs?: string;
  /** The stack in it, where it holds more than one. */
  readonly stack?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly secretsEndpoint?: string;
}

/** What is known of the broker: by option, by the stack's outputs, or because it runs on this machine. */
export interface Target {
  readonly endpoint: string | undefined;
  readonly functionName: string | undefined;
  readonly secretId: (account: string) => string | undefined;
  /** The Lambda API, where it is not AWS's. */
  readonly lambdaEndpoint: string | undefined;
  /** The same for Secrets Manager. */
  readonly secretsEndpoint: string | undefined;
  readonly region: string | undefined;
  readonly profile: string | undefined;
}

type Outputs = Readonly<Record<string, unknown>>;

const defaultOutputs = 'cdk-outputs.json';
/** What the local run names its parts, and the region it pretends to be in. */
const local = { functionName: 'fegora-token-broker', region: 'us-east-1', secretPrefix: 'fegora/' };

/** Writes a line for whoever watches; never the result. */
type Note = (line: string) => void;

const toStderr: Note = (line) => {
  process.stderr.write(`${line}\n`);
};

/**
 * Options win over the stack's outputs. On loopback, the gateway of the local run speaks for the Lambda API as well.
 * Where nobody named the broker, says which one it is: a file of outputs may be another stage's than the one meant.
 *
 * @throws CommandError where a named file or stack is not there
 */
export function findTarget(options: TargetOptions, note: Note = toStderr): Target {
  const { endpoint, functionName, region, profile, secretsEndpoint } = options;
  if (endpoint !== undefined && isLoopback(endpoint)) {
    return {
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
    endpoint: endpoint ?? text(outputs, 'Url'),
    functionName: functionName ?? text(outputs, 'FunctionName'),
    secretId: (account) => text(outputs, `Secret${account.replaceAll('-', '')}`),
    lambdaEndpoint: undefined,
    secretsEndpoint,
    region,
    profile,
  };
}

/** @throws CommandError where nothing says it */
export function known(value: string | undefined, what: string, option: string): string {
  if (value === undefined) {
    const sources = `give ${option}, or --outputs with the file that \`cdk deploy --outputs-file\` wrote`;
    throw new CommandError(exitCodes.usage, `the ${what} is not known: ${sources}`);
  }
  return value;
}

/** Those of the one broker in the file; none where there is no file and nobody named one. */
function readOutputs({ outputs: named, stack, endpoint }: TargetOptions, note: Note): Outputs {
  const file = named ?? defaultOutputs;
  if (named === undefined && stack === undefined && !existsSync(file)) {
    return {};
  }
  const [broker, another] = Object.entries(parseStacks(file)).filter(([name, outputs]) =>
    stack === undefined ? 'Url' in outputs : name === stack,
  );
  if (another !== undefined) {
    throw new CommandError(exitCodes.usage, `${file} holds more than one broker: choose one with --stack`);
  }
  if (broker === undefined) {
    throw new CommandError(exitCodes.notFound, `${file} holds no ${stack === undefined ? 'broker' : `stack ${stack}`}`);
  }
  const [stackName, found] = broker;
  if (endpoint !== undefined && !isSameStage(endpoint, text(found, 'Url'))) {
    // Another broker's function and secrets are not those of the one that is named.
    return {};
  }
  note(`broker: stack ${stackName} of ${file}, function ${text(found, 'FunctionName') ?? 'unknown'}`);
  return found;
}

function parseStacks(file: string): Readonly<Record<string, Outputs>> {
  try {
    const stacks: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const entries = Object.entries(stacks ?? {});
    return Object.fromEntries(entries.flatMap(([name, outputs]) => (isOutputs(outputs) ? [[name, outputs]] : [])));
  } catch (cause) {
    throw new CommandError(exitCodes.notFound, `${file} is not there, or not what cdk writes`, { cause });
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

function isLoopback(url: string): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  return parsed?.protocol === 'http:' && isSafe(parsed) && parsed.username === '';
}

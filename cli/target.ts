// Finds out which broker the command line is for. Called by every command.
import { isLoopback, isRegion } from '../client/endpoint.ts';
import { checkEndpoint } from './aws/endpoints.ts';
import type { AskMfaCode } from './aws/mfa.ts';
import { environment } from './environment.ts';
import { CommandError, exitCodes } from './failure.ts';
import { type Outputs, readOutputs, textOf } from './outputs.ts';

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
  /** What the secrets of open accounts are like, JSON. Undefined if the broker has none. */
  readonly openAccounts?: string | undefined;
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

/** The variable that names the Secrets Manager of the local run, if the option does not. */
export const secretsVariable = 'AWS_ENDPOINT_URL_SECRETS_MANAGER';

/** The names and the region that the local run uses. */
const local = {
  functionName: 'fegora-token-broker',
  region: 'us-east-1',
  secretPrefix: 'fegora/',
  openAccounts: { prefix: 'fegora/', tag: { key: 'fegora-token-broker', value: 'local' } },
};

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
    refuseOutputs(options);
    return {
      allowed,
      mfaCode,
      endpoint,
      functionName: functionName ?? local.functionName,
      secretId: (account) => `${local.secretPrefix}${account}`,
      openAccounts: JSON.stringify(local.openAccounts),
      lambdaEndpoint: endpoint,
      secretsEndpoint: secretsEndpoint ?? (environment[secretsVariable] || undefined),
      region: region ?? local.region,
      profile,
    };
  }
  const outputs = readOutputs(options, note);
  return {
    allowed,
    mfaCode,
    endpoint: endpoint ?? textOf(outputs, 'Url'),
    functionName: functionName ?? textOf(outputs, 'FunctionName'),
    secretId: (account) => secretIdOf(outputs, account),
    openAccounts: textOf(outputs, 'OpenAccounts'),
    lambdaEndpoint: undefined,
    secretsEndpoint,
    region,
    profile,
  };
}

/** The outputs have the ARNs of secrets whose names do not follow from the account's id. Otherwise the prefix gives the name. */
function secretIdOf(outputs: Outputs, account: string): string | undefined {
  const prefix = textOf(outputs, 'SecretPrefix');
  return (
    textOf(outputs, `Secret${account.replaceAll('-', '')}`) ??
    (prefix === undefined ? undefined : `${prefix}${account}`)
  );
}

/** An API gets a signature that is good for its host only, so `--endpoint` itself is enough to allow an API's own domain. */
function checkOptions({ endpoint, secretsEndpoint, allowEndpoint = [], region }: TargetOptions): void {
  if (region !== undefined) {
    checkRegion(region, '--region');
  }
  if (endpoint !== undefined) {
    const named = URL.canParse(endpoint) ? [new URL(endpoint).origin] : [];
    checkEndpoint({ url: endpoint, from: '--endpoint' }, 'execute-api', named);
  }
  if (secretsEndpoint !== undefined) {
    checkEndpoint({ url: secretsEndpoint, from: '--secrets-endpoint' }, 'secretsmanager', allowEndpoint);
  }
}

/** A file and a stack are of a broker on AWS, so the local run is perhaps not what the operator means. */
function refuseOutputs({ outputs, stack }: TargetOptions): void {
  const option = (outputs && '--outputs') ?? (stack && '--stack');
  if (option !== undefined) {
    const text = `--endpoint names the local run, and ${option} a broker on AWS; give only one of them`;
    throw new CommandError(exitCodes.usage, text);
  }
}

/**
 * Returns the region.
 *
 * @param from what named it
 * @throws CommandError if it does not look like the name of a region of AWS: it would become a part of an address
 */
export function checkRegion(region: string, from: string): string {
  if (!isRegion(region)) {
    const given = JSON.stringify(region.slice(0, 40));
    throw new CommandError(exitCodes.usage, `${from} is ${given}, which is not a region of AWS, such as us-east-1`);
  }
  return region;
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

// Reads the file that `cdk deploy --outputs-file` wrote. Called by target.ts.
import { existsSync, readFileSync } from 'node:fs';
import { environment } from './environment.ts';
import { CommandError, exitCodes } from './failure.ts';
import { namedPath } from './npm.ts';

/** The outputs of one stack. */
export type Outputs = Readonly<Record<string, unknown>>;

/** The options that choose a broker in a file. */
export interface OutputsOptions {
  /** Stage URL of the API. */
  readonly endpoint?: string;
  readonly functionName?: string;
  readonly outputs?: string;
  readonly stack?: string;
}

const defaultOutputs = 'cdk-outputs.json';

/**
 * Returns the outputs of the one broker in the file. Without a file, and without options that name one: no outputs. The
 * default file is not used, and a note says so, if it is of another broker than the options name.
 *
 * @param note writes a line to the operator
 * @throws CommandError if the named file or stack does not exist or is of another broker than the other options name, or if
 *   the file has not exactly one broker with a URL
 */
export function readOutputs(options: OutputsOptions, note: (line: string) => void): Outputs {
  const { outputs: named, stack } = options;
  const file = named === undefined ? defaultOutputs : namedPath(named, '--outputs', environment, process.cwd());
  if (named === undefined && stack === undefined && !existsSync(file)) {
    return {};
  }
  const [stackName, found] = chooseStack(file, stack);
  const another = optionOfAnother(found, options);
  if (another !== undefined) {
    const text = `${another} names another broker than stack ${stackName} of ${file}`;
    if (named !== undefined || stack !== undefined) {
      throw new CommandError(exitCodes.usage, `${text}; give only one of them`);
    }
    note(`${text}, so the file is not used`);
    return {};
  }
  if ('Url' in found && !URL.canParse(String(found.Url))) {
    throw new CommandError(exitCodes.usage, `the Url of stack ${stackName} in ${file} is not a URL; deploy it again`);
  }
  note(`stack ${stackName} of ${file}, function ${textOf(found, 'FunctionName') ?? 'unknown'}`);
  return found;
}

/** Returns the stack of that name, or the one that has a broker. */
function chooseStack(file: string, stack: string | undefined): readonly [name: string, outputs: Outputs] {
  const [broker, second] = Object.entries(parseStacks(file)).filter(([name, outputs]) =>
    stack === undefined ? 'Url' in outputs : name === stack,
  );
  if (second !== undefined) {
    throw new CommandError(exitCodes.usage, `${file} has more than one broker; choose one with --stack`);
  }
  if (broker === undefined) {
    throw new CommandError(
      exitCodes.notFound,
      `${file} has no ${stack === undefined ? 'broker' : `stack ${stack}`}; check --outputs and --stack`,
    );
  }
  return broker;
}

/** Returns an output, if it is a text. */
export function textOf(outputs: Outputs, name: string): string | undefined {
  const value = outputs[name];
  return typeof value === 'string' ? value : undefined;
}

function parseStacks(file: string): Readonly<Record<string, Outputs>> {
  const content = readFile(file);
  try {
    const stacks: unknown = JSON.parse(content.replace(/^\ufeff/, ''));
    if (isOutputs(stacks)) {
      return Object.fromEntries(
        Object.entries(stacks).flatMap(([name, outputs]) => (isOutputs(outputs) ? [[name, outputs]] : [])),
      );
    }
  } catch {
    // The message of this error repeats the file, which may be any file.
  }
  throw unusable(`${file} is not an outputs file`);
}

/** @throws CommandError that says why the file cannot be read as a text */
function readFile(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (/^(\xff\xfe|\xfe\xff)/.test(bytes.toString('latin1', 0, 2))) {
      throw unusable(`${file} is UTF-16, as \`>\` of PowerShell 5 writes files`);
    }
    return bytes.toString();
  } catch (thrown) {
    if (thrown instanceof CommandError) {
      throw thrown;
    }
    const { code = 'unknown error' } = Object(thrown);
    const faults: Record<string, string> = { ENOENT: 'does not exist', EISDIR: 'is a folder' };
    throw unusable(`${file} ${faults[code] ?? `cannot be read (${code})`}`);
  }
}

function unusable(fault: string): CommandError {
  return new CommandError(exitCodes.notFound, `${fault}; name the file that \`cdk deploy --outputs-file\` wrote`);
}

function isOutputs(value: unknown): value is Outputs {
  return typeof value === 'object' && value !== null;
}

/** Returns the option that names another broker than these outputs. */
function optionOfAnother(outputs: Outputs, { endpoint, functionName }: OutputsOptions): string | undefined {
  if (endpoint !== undefined && !isSameStage(endpoint, textOf(outputs, 'Url'))) {
    return '--endpoint';
  }
  const deployed = textOf(outputs, 'FunctionName');
  // The option may be an ARN, but the output is a name.
  const isAnother = deployed !== undefined && functionName?.replace(/^.*:function:/, '') !== deployed;
  return functionName !== undefined && isAnother ? '--function-name' : undefined;
}

function isSameStage(url: string, another: string | undefined): boolean {
  return url.replace(/\/+$/, '') === another?.replace(/\/+$/, '');
}

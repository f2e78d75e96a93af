// Writes results and failures as text or as JSON. Created by ../program.ts; every command gets an Output.
import util from 'node:util';
import { CommandError, interrupted } from '../failure.ts';
import { topicOf } from '../piped-input.ts';
import type { Terminal } from '../terminal.ts';
import { failureDocument } from './failure-document.ts';
import { createSpinner } from './spinner.ts';

/** A pipe whose writer has not written yet makes the command wait, and that has to be seen. Milliseconds. */
const silentMs = 500;

export const formats = ['text', 'json'] as const;
export type Format = (typeof formats)[number];

/** How the lines of standard error are written: as text, or each as a JSON object. */
export interface ErrorLines {
  readonly note: (line: string) => string;
  readonly failure: (failure: CommandError) => string;
}

/** @param name what a line of text starts with */
export function errorLines(format: Format, name: string): ErrorLines {
  const isJson = format === 'json';
  return {
    note: (line) => (isJson ? JSON.stringify({ note: line }) : `${name}: ${line}`),
    failure: (failure) => (isJson ? JSON.stringify(failureDocument(failure)) : `${name}: ${failure.message}`),
  };
}

/** A style of `styleText` that the commands use. */
export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';

/** Where a command writes to, and whom it asks. */
export interface Output extends Pick<Terminal, 'isInteractive' | 'ask' | 'askHidden'> {
  readonly format: Format;
  /**
   * Writes a part of the result: the lines at once, or the document at the end of the command. The members of all documents
   * are one document.
   */
  readonly show: (document: object, lines: readonly string[]) => void;
  /** Writes a line to the operator, apart from the result. */
  readonly note: (line: string) => void;
  /** From now on, a terminal shows what is typed only in answer to `ask`. */
  readonly hide: () => void;
  /** Says what has happened if the operator interrupts the command from now on. */
  readonly onInterrupt: (state: string) => void;
  /** Says what the command waits for from now on. */
  readonly waitFor: (label: string) => void;
  /** Returns the text in a style, if standard output shows styles. */
  readonly style: (style: Style, text: string) => string;
}

/** An output, and how its command ended. */
export interface CommandOutput extends Output {
  /** Writes the failure, if there is one, and what is left of the result. */
  readonly end: (failure?: CommandError) => void;
}

/**
 * Returns the output of one command. As JSON, standard output has one document with what the command did, and nothing if it
 * did nothing. Each line of standard error is a JSON object then: `{"note": …}`, and at the end the failure.
 *
 * @param name what a line on standard error starts with
 */
export function outputOf(terminal: Terminal, format: Format, name: string): CommandOutput {
  const { isInteractive, screen } = terminal;
  const spinner = createSpinner(screen?.draw);
  const isJson = format === 'json';
  const lines = errorLines(format, name);
  let [label, state] = ['', ''];
  let result: object | undefined;

  /** Takes the spinner away while the operator reads or writes. */
  function aside<Value>(work: () => Value): Value {
    spinner.stop();
    return work();
  }

  async function question(ask: Terminal['ask'], text: string): Promise<string> {
    const waiting = `waiting for the ${topicOf(text)}, a line of standard input`;
    const timer = isInteractive ? undefined : setTimeout(note, silentMs, waiting);
    const answer = await aside(() => ask(text)).finally(() => clearTimeout(timer));
    spinner.start(label);
    return answer;
  }

  const note = (line: string) => aside(() => terminal.note(lines.note(line)));

  return {
    format,
    isInteractive,
    ask: (text) => question(terminal.ask, text),
    askHidden: (text) => question(terminal.askHidden, text),
    note,
    hide: () => terminal.hide?.(),
    onInterrupt: (next) => {
      state = next;
    },
    style: (style, text) =>
      screen?.hasColours ? (util.styleText?.(style, text, { validateStream: false }) ?? text) : text,
    waitFor: (next) => {
      label = next;
      spinner.start(next);
    },
    show: (document, text) => {
      result = { ...result, ...document };
      aside(() => (isJson ? [] : text).forEach(terminal.print));
    },
    end: (failure) => {
      spinner.stop();
      if (isJson && result !== undefined) {
        terminal.print(JSON.stringify(result));
      }
      if (failure !== undefined && failure.exitCode !== 0) {
        terminal.note(lines.failure(withState(failure, state)));
      }
    },
  };
}

/** Adds to an interruption what has happened. */
function withState(failure: CommandError, state: string): CommandError {
  const { exitCode, message } = interrupted();
  const isInterruption = failure.exitCode === exitCode && state !== '';
  return isInterruption ? new CommandError(exitCode, `${message}; ${state}`) : failure;
}

/** Returns the format that the arguments ask for; the last one counts. It has to be known before they are parsed, for the parser's own errors. */
export function formatOf(args: readonly string[]): Format {
  const options = args.slice(0, [...args, '--'].indexOf('--'));
  const values = options.map((arg, at) => (arg === '--output' ? options[at + 1] : /^--output=(.*)/s.exec(arg)?.[1]));
  return values.findLast((value) => value !== undefined) === 'json' ? 'json' : 'text';
}

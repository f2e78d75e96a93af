// Reads from and writes to the operator's terminal, or a pipe. Called by main.ts; the commands get a Terminal.

import { type TypedInput, typedInput } from './credentials/typed-input.ts';
import { interrupted } from './failure.ts';
import { type PipedInput, pipedInput } from './piped-input.ts';

/** A terminal that understands control characters, and for which the operator has not turned off styles (`NO_COLOR`). */
export interface Screen {
  /** Whether standard output shows styles. */
  readonly hasColours: boolean;
  /** Writes to standard error as it is. Undefined if that is not such a terminal. */
  readonly draw: ((text: string) => void) | undefined;
}

/** The input and the output of a command. */
export interface Terminal {
  /** Whether the input is a terminal, so that a person can answer questions. */
  readonly isInteractive: boolean;
  /** Writes a line of the result. */
  readonly print: (line: string) => void;
  /** Writes a line to the operator, apart from the result. */
  readonly note: (line: string) => void;
  /** Asks a question and returns the answer. Without a terminal: returns the next line of the input. */
  readonly ask: (question: string) => Promise<string>;
  /** The same, but the terminal does not show what is typed. Without a terminal: the last line that the command reads. */
  readonly askHidden: (question: string) => Promise<string>;
  /** From now on, the terminal shows what is typed only in answer to `ask`. */
  readonly hide?: () => void;
  /** Rejects after Ctrl-C. */
  readonly interrupted?: Promise<never>;
  /** Undefined if nothing is a terminal: plain text. */
  readonly screen?: Screen;
}

/** Returns a terminal on the process's streams. Call `close` at the end: an input that was read keeps the process alive. */
export function terminalOf(process: NodeJS.Process): Terminal & { readonly close: () => void } {
  const { stdin, stdout, stderr } = process;
  const isInteractive = stdin.isTTY === true;
  let interrupt = () => {};
  const ended = new Promise<never>((_, reject) => {
    interrupt = () => reject(interrupted());
  });
  let piped: PipedInput | undefined;
  let typed: TypedInput | undefined;
  // The second Ctrl-C ends the process at once.
  process.once('SIGINT', interrupt);
  ended.catch(() => {});

  /** Piped input has only one reader: a second one would miss the lines that the first one has buffered. */
  function pipedLine(question: string, isLast: boolean): Promise<string> {
    piped ??= pipedInput(stdin);
    return piped.next(question, isLast);
  }

  function typedLine(question: string, isShown: boolean): Promise<string> {
    typed ??= typedInput(process, interrupt);
    return typed.next(question, isShown);
  }

  return {
    isInteractive,
    print: (line) => stdout.write(`${line}\n`),
    note: (line) => stderr.write(`${line}\n`),
    ask: (question) => (isInteractive ? typedLine(question, true) : pipedLine(question, false)),
    askHidden: (question) => (isInteractive ? typedLine(question, false) : pipedLine(question, true)),
    hide: () => {
      if (isInteractive) {
        typed ??= typedInput(process, interrupt);
      }
    },
    interrupted: ended,
    screen: {
      hasColours: showsStyles(stdout),
      draw: showsStyles(stderr) ? (text) => stderr.write(text) : undefined,
    },
    close: () => {
      piped?.close();
      typed?.close();
    },
  };
}

/** Node knows the variables: `NO_COLOR`, `TERM=dumb` and others. */
function showsStyles(stream: NodeJS.WriteStream & { fd: 1 | 2 }): boolean {
  return stream.isTTY === true && stream.hasColors();
}

// Reads from and writes to the operator's terminal, or a pipe. Called by main.ts; the commands get a Terminal.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CommandError } from './failure.ts';
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
  /** Undefined if nothing is a terminal: plain text. */
  readonly screen?: Screen;
}

/** The exit code of a shell after Ctrl-C: 128 and SIGINT's number, 2. */
const interrupted = 130;

/** Returns a terminal on the process's streams. Call `close` at the end: piped input that was read keeps the process alive. */
export function terminalOf({ stdin, stdout, stderr }: NodeJS.Process): Terminal & { readonly close: () => void } {
  const isInteractive = stdin.isTTY === true;
  let piped: PipedInput | undefined;

  /** Piped input has only one reader: a second one would miss the lines that the first one has buffered. */
  function pipedLine(question: string, isLast: boolean): Promise<string> {
    piped ??= pipedInput(stdin);
    return piped.next(question, isLast);
  }

  /** Echoes what is typed to `output` only: readline turns off the echo of the terminal before it asks. */
  function typedLine(question: string, output: NodeJS.WritableStream): Promise<string> {
    const reader = createInterface({ input: stdin, output, terminal: true, historySize: 0 });
    return new Promise((resolve, reject) => {
      // Runs after Ctrl-C, and after Ctrl-D, which ends the input.
      const interrupt = () => {
        output.write('\n');
        reject(new CommandError(interrupted, 'interrupted'));
      };
      reader.once('close', interrupt).question(question, (line) => {
        // Close before anything else: text that was pasted after this line would be echoed, and it may be the password.
        reader.off('close', interrupt).close();
        resolve(line);
      });
    });
  }

  async function hiddenLine(question: string): Promise<string> {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const line = typedLine('', nowhere);
    stderr.write(question);
    return line.finally(() => stderr.write('\n'));
  }

  return {
    isInteractive,
    print: (line) => stdout.write(`${line}\n`),
    note: (line) => stderr.write(`${line}\n`),
    ask: (question) => (isInteractive ? typedLine(question, stderr) : pipedLine(question, false)),
    askHidden: (question) => (isInteractive ? hiddenLine(question) : pipedLine(question, true)),
    screen: {
      hasColours: showsStyles(stdout),
      draw: showsStyles(stderr) ? (text) => stderr.write(text) : undefined,
    },
    close: () => piped?.close(),
  };
}

/** Node knows the variables: `NO_COLOR`, `TERM=dumb` and others. */
function showsStyles(stream: NodeJS.WriteStream & { fd: 1 | 2 }): boolean {
  return stream.isTTY === true && stream.hasColors();
}

import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { CommandError } from './failure.ts';

/** What a command reads from and writes to. */
export interface Terminal {
  /** Whether somebody is there to be asked. */
  readonly isInteractive: boolean;
  /** A line of the result. */
  readonly print: (line: string) => void;
  /** A line for whoever watches, kept out of the result. */
  readonly note: (line: string) => void;
  /** The answer to a question; a line of the input where nobody is there. */
  readonly ask: (question: string) => Promise<string>;
  /** The same, without showing what is typed. */
  readonly askHidden: (question: string) => Promise<string>;
}

/** As a shell counts the signal of Ctrl-C. */
const interrupted = 130;

/** @returns also `close`: input that has been asked for keeps the process waiting for more. */
export function terminalOf({ stdin, stdout, stderr }: NodeJS.Process): Terminal & { readonly close: () => void } {
  const isInteractive = stdin.isTTY === true;
  let piped: Interface | undefined;
  let lines: AsyncIterator<string> | undefined;

  /** What is piped has one reader: a second would miss what the first has taken. */
  async function pipedLine(): Promise<string> {
    piped ??= createInterface({ input: stdin });
    lines ??= piped[Symbol.asyncIterator]();
    const { done, value } = await lines.next();
    return done ? '' : value;
  }

  /** What is typed shows on `output` alone: the terminal itself stops showing it before the question is put. */
  function typedLine(question: string, output: NodeJS.WritableStream): Promise<string> {
    const reader = createInterface({ input: stdin, output, terminal: true, historySize: 0 });
    return new Promise((resolve, reject) => {
      // Ctrl-C, or Ctrl-D, which ends the input.
      const leave = () => {
        output.write('\n');
        reject(new CommandError(interrupted, 'interrupted'));
      };
      reader.once('close', leave).question(question, (line) => {
        // At once: whatever was pasted after the line would show, and may be the password.
        reader.off('close', leave).close();
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
    ask: (question) => (isInteractive ? typedLine(question, stderr) : pipedLine()),
    askHidden: (question) => (isInteractive ? hiddenLine(question) : pipedLine()),
    close: () => piped?.close(),
  };
}

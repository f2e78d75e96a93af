// Reads lines that a person types at a terminal. Called by terminal.ts.
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { interrupted } from '../failure.ts';

/** A terminal that shows what is typed only in answer to a question that shows it. */
export interface TypedInput {
  /**
   * Asks, and returns the next line. A line that was typed before the question answers it, and is not shown.
   *
   * @throws CommandError if the person ends the input
   */
  readonly next: (question: string, isShown: boolean) => Promise<string>;
  readonly close: () => void;
}

type Streams = Pick<NodeJS.Process, 'stdin' | 'stderr'>;

interface Question {
  readonly text: string;
  readonly isShown: boolean;
  readonly resolve: (line: string) => void;
  readonly reject: (thrown: unknown) => void;
}

/**
 * Starts to read. One reader serves all questions: a second one would lose what was pasted after the first answer.
 *
 * @param onInterrupt is called at Ctrl-C while no question is open
 */
export function typedInput({ stdin, stderr }: Streams, onInterrupt: () => void): TypedInput {
  const ahead: string[] = [];
  let asked: Question | undefined;
  let isEnded = false;
  const reader = createReader({ stdin, stderr }, () => asked?.isShown === true);

  /** Closes the question before anything else: text that was pasted after the line may be the password. */
  function take(): Question | undefined {
    const question = asked;
    asked = undefined;
    return question;
  }

  /** readline ends a line that is shown. */
  function answer(line: string): void {
    const question = take();
    if (question === undefined) {
      ahead.push(line);
      return;
    }
    stderr.write(question.isShown ? '' : '\n');
    question.resolve(line);
  }

  function end(): void {
    isEnded = true;
    stderr.write(asked === undefined ? '' : '\n');
    take()?.reject(interrupted());
  }

  // Ctrl-D, which ends the input, closes too. After Ctrl-Z and `fg`, readline has paused the input.
  reader
    .on('line', answer)
    .on('close', end)
    .on('SIGINT', () => (asked === undefined ? onInterrupt() : reader.close()))
    .on('SIGCONT', () => {
      // readline does this only afterwards: until then, the terminal shows what is typed.
      stdin.setRawMode(true);
      reader.resume();
      stderr.write(asked?.isShown === false ? asked.text : '');
    });

  function ask(question: Question): void {
    const { text, isShown } = question;
    asked = question;
    reader.setPrompt(isShown ? text : '');
    stderr.write(isShown ? '' : text);
    reader.prompt(true);
  }

  return {
    close: () => reader.close(),
    next: (text, isShown) => {
      if (isEnded || ahead.length > 0) {
        stderr.write(`${text}\n`);
        return lineOrEnd(ahead.shift());
      }
      return new Promise((resolve, reject) => ask({ text, isShown, resolve, reject }));
    },
  };
}

async function lineOrEnd(line: string | undefined): Promise<string> {
  if (line === undefined) {
    throw interrupted();
  }
  return line;
}

/** What is typed is echoed by readline only, because readline turns off the echo of the terminal. */
function createReader({ stdin, stderr }: Streams, isShown: () => boolean): Interface {
  const output = new Writable({
    write: (chunk, _encoding, done) => {
      if (isShown()) {
        stderr.write(chunk);
      }
      done();
    },
  });
  return createInterface({ input: stdin, output, terminal: true, historySize: 0, prompt: '' });
}

// Reads lines from standard input if it is a pipe or a file. Called by terminal.ts.
import type { Readable } from 'node:stream';
import { CommandError, exitCodes } from './failure.ts';

/** The input of a command that no person types. */
export interface PipedInput {
  /**
   * Returns the next line, without its end.
   *
   * @param question what the line answers, for messages
   * @param isLast whether the command reads no line after this one
   * @throws CommandError if there is no line, or if it is not UTF-8
   */
  readonly next: (question: string, isLast: boolean) => Promise<string>;
  readonly close: () => void;
}

/** More than any secret may have: an input without an end must not fill the memory. */
const longestBytes = 65_536;

/** Returns what a question asks for, to say it without a terminal: `password` for `Password (not shown): `. */
export function topicOf(question: string): string {
  return question
    .replace(/[:(].*$/, '')
    .trim()
    .toLowerCase();
}

/** Returns the lines of an input. */
export function pipedInput(stdin: Readable): PipedInput {
  const chunks: AsyncIterator<Uint8Array> = stdin.iterator();
  let received = Buffer.alloc(0);
  let isAtStart = true;

  /** Returns false at the end of the input. */
  async function receive(): Promise<boolean> {
    const { done, value } = await chunks.next();
    received = done ? received : Buffer.concat([received, value]);
    return !done;
  }

  /** Returns the bytes up to the next end of a line, or up to the end of the input. Undefined if there are none. */
  async function nextBytes(what: string): Promise<Buffer | undefined> {
    while (!received.includes('\n')) {
      if (received.length > longestBytes) {
        throw unusable(`the line for the ${what} is too long`);
      }
      if (!(await receive())) {
        return received.length === 0 ? undefined : takeUntil(received.length);
      }
    }
    return takeUntil(received.indexOf('\n'));
  }

  function takeUntil(end: number): Buffer {
    const line = received.subarray(0, end);
    received = received.subarray(end + 1);
    return line;
  }

  async function next(question: string, isLast: boolean): Promise<string> {
    const what = topicOf(question);
    const bytes = await nextBytes(what);
    if (bytes === undefined) {
      throw unusable(`standard input ended before the ${what}`);
    }
    if (isLast && received.toString('latin1').trim() !== '') {
      throw unusable(`standard input has more lines after the ${what}, so it may be the wrong line`);
    }
    const line = decode(bytes, isAtStart);
    isAtStart = false;
    return line.replace(/\r$/, '');
  }

  return { next, close: () => void stdin.destroy() };
}

/** @throws CommandError if the line is not UTF-8. A byte order mark is dropped. */
function decode(line: Buffer, isAtStart: boolean): string {
  if (isAtStart && /^(\xff\xfe|\xfe\xff)/.test(line.toString('latin1'))) {
    throw unusable('standard input is UTF-16, as `>` of PowerShell 5 writes files; write it as UTF-8');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line);
  } catch {
    throw unusable('standard input is not UTF-8; write it as UTF-8');
  }
}

function unusable(why: string): CommandError {
  return new CommandError(exitCodes.usage, `nothing was stored: ${why}`);
}

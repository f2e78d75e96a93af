// Checks that a text is what a person meant to type, before it is stored. Called by credentials-set.ts.
import { CommandError, exitCodes } from './failure.ts';

/**
 * Control characters, and characters that no one sees: line separators, zero-width spaces, signs for the direction of writing.
 * They come from files in another encoding and from copied web pages. Joiners are allowed: scripts and emoji need them.
 */
const unseen = /[\p{Cc}\p{Zl}\p{Zp}\ufeff\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069]/u;

/**
 * Returns the text without a byte order mark at its start.
 *
 * @param what the name of the field, for the error, which never repeats the text
 * @throws CommandError if the text was not UTF-8, or has characters that no one sees
 */
export function typedText(given: string, what: string): string {
  const text = given.replace(/^\ufeff/, '');
  // Node puts U+FFFD where bytes are not UTF-8, in what is typed and in arguments.
  if (text.includes('\ufffd')) {
    throw refused(`the ${what} is not UTF-8; set the terminal to UTF-8 (LANG=C.UTF-8; on Windows, chcp 65001)`);
  }
  const found = unseen.exec(text)?.[0].codePointAt(0);
  if (found !== undefined) {
    const code = found.toString(16).toUpperCase().padStart(4, '0');
    throw refused(`the ${what} has a character that is not shown (U+${code}); type it instead of pasting it`);
  }
  return text;
}

function refused(why: string): CommandError {
  return new CommandError(exitCodes.usage, `nothing was stored: ${why}`);
}

// Checks that a text is what a person meant to type, before it is stored. Called by credentials-set.ts.
import { CommandError, exitCodes } from '../failure.ts';

/**
 * Control characters, and characters that no one sees or that look like a space: they come from files in another encoding and
 * from copied web pages. Allowed are joiners, and the sign after an emoji that asks for its colours.
 *
 * @see https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
 */
const unseen =
  /(?!\u200c|\u200d| |(?<=\p{ExtPict})\ufe0f)[\p{Cc}\p{Cf}\p{Co}\p{Z}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]/u;

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
    throw refused(
      `the ${what} has a character that is not shown (U+${code}), as copied texts often have; write it without that character`,
    );
  }
  return text;
}

function refused(why: string): CommandError {
  return new CommandError(exitCodes.usage, `nothing was stored: ${why}`);
}

// Reads the answer to a question that asks for yes or no. Called by the commands that ask.

/**
 * Returns true for `y` and `yes`. Every other answer is a no, because the question is about what cannot be taken back.
 *
 * @param ofEmpty what Enter means: the letter that the question shows in capitals
 */
export function isYes(answer: string, ofEmpty = false): boolean {
  const text = answer.trim();
  return text === '' ? ofEmpty : /^y(es)?$/i.test(text);
}

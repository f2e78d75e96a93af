// Replaces what differs from one run to the next by names. Used by the tests that compare what a command prints with a page.

/** Makes two outputs of the same commands equal. One function for each of the two: it counts what it has seen. */
export type Plain = (text: string) => string;

/** What differs in every run. A value that comes again has the same name again, so a page cannot mix two tokens up. */
const named: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['id', /\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/g],
  ['fingerprint', /\b[\da-f]{64}\b/g],
  ['server', /\bhttp:\/\/127\.0\.0\.1:\d+|\bhttps:\/\/\w+\.execute-api\.[\w-]+\.amazonaws\.com\/v1\/?/g],
  ['function', /\bFegoraTokenBroker-\w+-BrokerFunction\w+-\w+|\bfegora-token-broker(?=\n|$)/g],
  ['key', /\blocal-(?:all|first|none|operator)-[\da-f]{8}\b/g],
];

const unnamed: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['<seconds left>', /\b17\d\d$/gm],
  ['AWS account <number>', /\bAWS account \d{12}\b/g],
  ['<time>', /\b\d{4}-\d\d-\d\dT[\d:.]+Z/g],
  ['<clock>', /\b\d\d:\d\d:\d\d\b/g],
  ['in <time>', /\bin \d+ (?:min|s)\b/g],
  ['<time> ago)', /\b\d+ (?:min|s) ago\)/g],
  ['"expires_in":<seconds>', /"expires_in":\d+/g],
  // A column is as wide as its widest value.
  ['  <time> ago  ', / {2}\d+ (?:min|s) ago +/g],
  ['', / +$/gm],
  ['  <duration>', / +\d+ ms$/gm],
  ['Node <version>', /\bNode \d+\.\d+\.\d+/g],
];

/** @returns a function for one of the two outputs */
export function createPlain(): Plain {
  const seen = new Map<string, readonly string[]>();
  const nameOf = (kind: string, value: string) => {
    const known = seen.get(kind) ?? [];
    const all = known.includes(value) ? known : [...known, value];
    seen.set(kind, all);
    return `<${kind} ${all.indexOf(value) + 1}>`;
  };
  return (text) => {
    let plain = text;
    for (const [kind, pattern] of named) {
      plain = plain.replaceAll(pattern, (value) => nameOf(kind, value));
    }
    for (const [name, pattern] of unnamed) {
      plain = plain.replaceAll(pattern, name);
    }
    return plain.trimEnd();
  };
}

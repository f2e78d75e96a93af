// Compares what commands print with what a page says. Used by the tests of pages.
import { expect } from 'vitest';
import { createPlain } from './plain.ts';

/** Compares one output after the other, in the order of the page. */
export interface Comparison {
  /** @param told what the page says. A line `…` stands for any lines */
  readonly expectPrinted: (printed: string, told: string) => void;
}

/** Starts a comparison. A value that comes again in the page must come again in what is printed. */
export function startComparison(): Comparison {
  const [plainPrinted, plainTold] = [createPlain(), createPlain()];
  return {
    expectPrinted: (printed, told) => {
      const [actual, expected] = [plainPrinted(printed), plainTold(told)];
      if (!/^…$/m.test(expected)) {
        expect(actual).toBe(expected);
        return;
      }
      let rest = actual;
      for (const piece of expected.split(/^…$/m).map((lines) => lines.trim())) {
        expect(rest).toContain(piece);
        rest = rest.slice(rest.indexOf(piece) + piece.length);
      }
    },
  };
}

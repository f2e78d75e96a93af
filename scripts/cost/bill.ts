// Multiplies counts by prices. Called by costs.ts and tables.ts.
import type { Price } from './prices.ts';

/** A count, what is counted, and its price. */
export interface Term {
  readonly count: number;
  readonly of: string;
  readonly price: Price;
}

/** One line of a bill. */
export interface Line {
  readonly what: string;
  readonly terms: readonly Term[];
  /** What the line cost in version 1. US dollars. */
  readonly before?: number;
}

/** US dollars, not rounded. */
export function costOf({ terms }: Pick<Line, 'terms'>): number {
  return terms.reduce((sum, { count, price: { usd, per = 1 } }) => sum + (count * Number(usd)) / per, 0);
}

/** US dollars, not rounded. */
export function sumOf(lines: readonly Line[]): number {
  return lines.reduce((sum, line) => sum + costOf(line), 0);
}

/** The arithmetic of a line, to be read. */
export function arithmeticOf({ terms }: Line): string {
  return terms
    .map(({ count, of, price }) => `${numeral(count)} ${of} × ${price.usd}${divisors[price.per ?? 1]}`)
    .join(' + ');
}

const divisors = { 1: '', 10000: ' / 10⁴', 1000000: ' / 10⁶' } as const;

/** A number with commas, and at most three digits behind the point. */
export function numeral(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 3 });
}

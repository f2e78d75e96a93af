/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The smallest number that so many percent of all are not above. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

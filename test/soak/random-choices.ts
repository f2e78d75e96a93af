// Makes random choices from a seeded source. Used by soak-state.ts and the fault plan.

export interface RandomChoices {
  /** Returns an integer from `least` to `most`, all equally likely. */
  readonly between: (least: number, most: number) => number;
  /** Returns an integer from `least` to `most`, every order of magnitude equally likely. */
  readonly spread: (least: number, most: number) => number;
  /** Returns true with this probability, from 0 to 1. */
  readonly chance: (probability: number) => boolean;
  readonly oneOf: <T>(values: readonly [T, ...T[]]) => T;
}

/** `random` returns numbers from 0 to 1. */
export function createRandomChoices(random: () => number): RandomChoices {
  const between = (least: number, most: number): number => Math.round(least + random() * (most - least));
  return {
    between,
    spread: (least, most) => Math.round(least * (most / least) ** random()),
    chance: (probability) => random() < probability,
    oneOf: (values) => values[Math.floor(random() * values.length)] ?? values[0],
  };
}

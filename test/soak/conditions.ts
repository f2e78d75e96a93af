import type { Behavior } from '../exploration/fegora-model.ts';

/** What is wrong with the world at the moment. Everything passes; what comes next is chance. */
export interface Weather {
  /** Of the messages under way, the share that never arrives. */
  lossShare: number;
  /** The longest that a message takes. Milliseconds. */
  latencyMs: number;
  isTableDown: boolean;
  isSecretDown: boolean;
}

export function fairWeather(): Weather {
  return { lossShare: 0.001, latencyMs: 40, isTableDown: false, isSecretDown: false };
}

/** Draws from a seeded source. */
export interface Dice {
  /** From `least` to `most`, as likely small as large. */
  readonly between: (least: number, most: number) => number;
  /** From `least` to `most`, every order of magnitude equally likely. */
  readonly spread: (least: number, most: number) => number;
  readonly chance: (share: number) => boolean;
  readonly one: <T>(of: readonly [T, ...T[]]) => T;
}

export function createDice(random: () => number): Dice {
  const between = (least: number, most: number): number => Math.round(least + random() * (most - least));
  return {
    between,
    spread: (least, most) => Math.round(least * (most / least) ** random()),
    chance: (share) => random() < share,
    one: (of) => of[Math.floor(random() * of.length)] ?? of[0],
  };
}

export const badBehaviors: readonly [Behavior, ...Behavior[]] = ['html_500', 'unavailable', 'cut', 'unusable'];

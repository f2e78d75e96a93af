import { membersOf } from '../../lambda/json.ts';

/** Hears of everything that is wrong: `where: what`. */
export type Note = (fault: string) => void;

/** A value that is as it should be, or nothing. */
export type Accept<T> = (value: unknown) => T | undefined;

/** Reads the members of one object of settings, each at most once. */
export interface Reader {
  /** The member as accepted; nothing where it is absent, or wrong and noted. */
  readonly optional: <T>(name: string, accept: Accept<T>, problem: string) => T | undefined;
  /** The same; absence is noted too. */
  readonly required: Reader['optional'];
  /** Notes every member that was not asked for: mostly a spelling mistake. */
  readonly finish: () => void;
}

/** Reads an object of settings, `where` it stands. What is no object is noted and has no members. */
export function createReader(value: unknown, where: string, note: Note): Reader {
  const members = membersOf(value);
  if (members === undefined) {
    note(`${where}: is no object`);
  }
  const asked = new Set<string>();
  const pathOf = (name: string) => (where === '' ? name : `${where}.${name}`);

  const read = <T>(name: string, accept: Accept<T>, problem: string): T | undefined => {
    asked.add(name);
    const accepted = accept(members?.get(name));
    if (accepted === undefined) {
      note(`${pathOf(name)}: ${problem}`);
    }
    return accepted;
  };

  return {
    required: read,
    optional: (name, accept, problem) => {
      asked.add(name);
      return members?.has(name) ? read(name, accept, problem) : undefined;
    },
    finish: () => {
      for (const name of members?.keys() ?? []) {
        if (!asked.has(name)) {
          note(`${pathOf(name)}: is no setting`);
        }
      }
    },
  };
}

/** For members that are read further by themselves. */
export const anything: Accept<unknown> = (value) => value;

/** `true` or `false`, not a text that says so. */
export function boolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

/** A text that the pattern finds something in: anchor it. */
export function textLike(pattern: RegExp): Accept<string> {
  return (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined);
}

/** One of the choices, by `===`. */
export function oneOf<const T>(...choices: readonly T[]): Accept<T> {
  return (value) => choices.find((choice) => choice === value);
}

/** A whole number, both ends included. */
export function wholeNumber(from: number, to: number): Accept<number> {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to ? value : undefined;
}

/** A list of anything, empty or not. */
export function list(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

/** A list that is not empty and holds nothing twice. */
export function listOf<T>(accept: Accept<T>): Accept<readonly T[]> {
  return (value) => {
    const accepted = Array.isArray(value) ? value.map(accept).filter((item) => item !== undefined) : [];
    const isWhole = Array.isArray(value) && accepted.length === value.length && new Set(value).size === value.length;
    return isWhole && accepted.length > 0 ? accepted : undefined;
  };
}

// Reads an object of settings, member by member, and collects the faults. Called by settings.ts.
import { membersOf } from '../../lambda/json.ts';

/** Receives a fault, in the form `path: problem`. */
export type Note = (fault: string) => void;

/** Returns the value if it is valid, otherwise undefined. */
export type Accept<T> = (value: unknown) => T | undefined;

/** Reads the members of one object of settings. */
export interface Reader {
  /** Returns the member. Returns undefined if it is absent, or if it is not valid and the problem was noted. */
  readonly optional: <T>(name: string, accept: Accept<T>, problem: string) => T | undefined;
  /** Does the same, and also notes the problem if the member is absent. */
  readonly required: Reader['optional'];
  /** Notes every member that was not read. Most of them are spelling mistakes. */
  readonly finish: () => void;
}

/**
 * Returns a reader of an object of settings. If the value is not an object, the reader notes that and has no members.
 *
 * @param path where the object is in the settings; empty for the stage itself
 */
export function createReader(value: unknown, path: string, note: Note): Reader {
  const members = membersOf(value);
  if (members === undefined) {
    note(`${path}: must be an object`);
  }
  const namesRead = new Set<string>();
  const pathOf = (name: string) => (path === '' ? name : `${path}.${name}`);

  const read = <T>(name: string, accept: Accept<T>, problem: string): T | undefined => {
    namesRead.add(name);
    const accepted = accept(members?.get(name));
    if (accepted === undefined) {
      note(`${pathOf(name)}: ${problem}`);
    }
    return accepted;
  };

  return {
    required: read,
    optional: (name, accept, problem) => {
      namesRead.add(name);
      return members?.has(name) ? read(name, accept, problem) : undefined;
    },
    finish: () => {
      for (const name of members?.keys() ?? []) {
        if (!namesRead.has(name)) {
          note(`${pathOf(name)}: is not a setting: check its spelling`);
        }
      }
    },
  };
}

/** Accepts every value, for members that another reader checks. */
export const anything: Accept<unknown> = (value) => value;

/** Accepts `true` and `false`, but not the texts. */
export function boolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

/** Accepts a text in which the pattern has a match. Anchor the pattern to check the whole text. */
export function textLike(pattern: RegExp): Accept<string> {
  return (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined);
}

/** Accepts one of the choices, compared with `===`. */
export function oneOf<const T>(...choices: readonly T[]): Accept<T> {
  return (value) => choices.find((choice) => choice === value);
}

/** Accepts a whole number from `from` to `to`, both included. */
export function wholeNumber(from: number, to: number): Accept<number> {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to ? value : undefined;
}

/** Accepts a list of any values. It may be empty. */
export function list(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

/** Accepts a list that is not empty, has only accepted values, and has no value twice. */
export function listOf<T>(accept: Accept<T>): Accept<readonly T[]> {
  return (value) => {
    const accepted = Array.isArray(value) ? value.map(accept).filter((item) => item !== undefined) : [];
    const isWhole = Array.isArray(value) && accepted.length === value.length && new Set(value).size === value.length;
    return isWhole && accepted.length > 0 ? accepted : undefined;
  };
}

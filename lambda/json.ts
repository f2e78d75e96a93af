/** A string of a JSON text, and whether a colon makes it the name of a member. */
const jsonString = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/**
 * The members of a JSON object, in a Map so that no name can reach a prototype. Nothing where the text is no JSON, no
 * object, or names a member twice (JSON.parse keeps the last in silence; RFC 8259 section 4 calls that unpredictable).
 * Never repeats the text, as errors of JSON.parse do.
 */
export function parseJsonObject(text: string): ReadonlyMap<string, unknown> | undefined {
  const members = membersOf(parse(text));
  return members !== undefined && namesTwice(text, members) ? undefined : members;
}

/** The members of a value that is a plain object. */
export function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Counts the names of the whole text, so an object within the object counts as a doubled name too, and is refused. */
function namesTwice(text: string, members: ReadonlyMap<string, unknown>): boolean {
  const names = [...text.matchAll(jsonString)].filter((match) => match[1] !== undefined);
  return names.length !== members.size;
}

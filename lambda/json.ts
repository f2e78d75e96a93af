// Parses JSON that comes from outside, without errors that quote it. Called by config.ts, events/, fegora/ and aws/.

/** A string of a JSON text. The group matches if a colon makes the string the name of a member. */
const jsonString = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/**
 * Returns the members of a JSON object, in a Map so that no name can reach a prototype. Returns undefined if the text
 * is not JSON or not an object. Returns undefined also if a name occurs twice, because `JSON.parse` would keep only the
 * last member (RFC 8259 section 4 calls that unpredictable), and if an inner object has members.
 */
export function parseJsonObject(text: string): ReadonlyMap<string, unknown> | undefined {
  const members = membersOf(parseJson(text));
  return members !== undefined && hasMoreNames(text, members) ? undefined : members;
}

/** Returns the members of a plain object; undefined for any other value. */
export function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : undefined;
}

/** Returns the value of a JSON text, or undefined if it is not JSON. The error of `JSON.parse` would quote the text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether the text has more names than the object has members. It counts the names of inner objects too. */
function hasMoreNames(text: string, members: ReadonlyMap<string, unknown>): boolean {
  const names = [...text.matchAll(jsonString)].filter((match) => match[1] !== undefined);
  return names.length !== members.size;
}

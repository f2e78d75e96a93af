// Decides whether an IAM policy allows a resource. Called by api.ts and invoke.ts.

/** The tags of a principal. IAM compares their keys without regard to case. */
export type Tags = Readonly<Record<string, string>>;

/** What an Allow depends on besides the resource. */
export interface Context {
  /** The tags of the principal. @default none */
  readonly tags?: Tags;
  /** The conditions of the Allow: patterns for `StringLike`, by key. All must hold. @default none */
  readonly conditions?: Readonly<Record<string, string>>;
}

/**
 * Whether one of the patterns allows the resource, compared as IAM does: `*` stands for any characters, also for slashes, `?` for
 * one character, and case counts. A policy variable stands for its value. Without a value, the pattern matches nothing.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function isAllowed(patterns: readonly string[], resource: string, context: Context = {}): boolean {
  const { tags = {}, conditions = {} } = context;
  const isLike = (text: string | undefined, pattern: string) => text !== undefined && matches(pattern, text, tags);
  return (
    patterns.some((pattern) => isLike(resource, pattern)) &&
    Object.entries(conditions).every(([key, pattern]) => isLike(contextValue(key, tags), pattern))
  );
}

/** A variable, with its default value in quotes if it has one; a wildcard; or any other character. */
const parts = /\$\{(?<name>[^},]+)(?:,\s*'(?<fallback>[^']*)')?\}|(?<wildcard>[*?])|(?<other>.)/gsu;
const wildcards: ReadonlyMap<string, string> = new Map([
  ['*', '.*'],
  ['?', '.'],
]);

function matches(pattern: string, text: string, tags: Tags): boolean {
  const expressions = Array.from(pattern.matchAll(parts), ({ groups = {} }) => {
    const { name, fallback, wildcard = '', other = '' } = groups;
    const plain = name === undefined ? other : (contextValue(name, tags) ?? fallback);
    return (
      wildcards.get(wildcard) ?? (plain === undefined ? undefined : plain.replaceAll(/[$()*+./?[\\\]^{|}]/g, '\\$&'))
    );
  });
  return !expressions.includes(undefined) && new RegExp(`^${expressions.join('')}$`, 'su').test(text);
}

/** The value of a variable or a key. The local run knows the tags of the principal, and IAM's three special characters. */
function contextValue(name: string, tags: Tags): string | undefined {
  if (/^[*?$]$/.test(name)) {
    return name;
  }
  const tagKey = /^aws:PrincipalTag\/(.+)$/i.exec(name)?.[1]?.toLowerCase();
  return Object.entries(tags).find(([key]) => key.toLowerCase() === tagKey)?.[1];
}

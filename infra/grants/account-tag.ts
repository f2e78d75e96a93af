// What a right by the account's name in a tag is made of. Used by the grants, the settings and the callers of the local run.

/** At most 128 characters, as IAM allows. IAM also allows spaces and letters outside ASCII, but not inside a policy variable. */
const tagKey = /^[\w.:/=+@-]{1,128}$/;

/**
 * Returns why no principal could have a tag of this key, or why a policy could not name it. Undefined if there is no fault.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules
 */
export function tagKeyFault(key: unknown): string | undefined {
  if (typeof key !== 'string' || !tagKey.test(key)) {
    return 'must be the key of a tag: up to 128 letters from a to z, digits and _ . : / = + - @, without spaces';
  }
  return /^aws:/i.test(key) ? 'must not start with aws:, because AWS keeps these keys for itself' : undefined;
}

/** The path of the account that the tag of the caller names. Without the tag, the variable has no value, and nothing matches. */
export function pathByTag(key: string): string {
  return `/token/\${${variableOf(key)}}`;
}

/** The tag must be there and have a value: an empty one would leave `/token/`. */
export function hasTag(key: string): Record<'StringLike', Record<string, string>> {
  return { StringLike: { [variableOf(key)]: '?*' } };
}

function variableOf(key: string): string {
  return `aws:PrincipalTag/${key}`;
}

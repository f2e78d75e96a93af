// Who may read which secret in a template, and after each step of an update. Called by secret-upgrade.test.ts and stack-limits.test.ts.
import { asJson } from './statements.ts';

/** Logical ids or ARNs of secrets that a policy of the role lets it read, by the logical id of the policy. */
export type Rights = ReadonlyMap<string, ReadonlySet<string>>;

/** Returns which secrets each policy lets its role read. */
export function rightsIn(resources: unknown): Rights {
  const policies = Object.entries(asJson(resources)).filter(([, resource]) =>
    /^AWS::IAM::(Managed)?Policy$/.test(String(asJson(resource).Type)),
  );
  return new Map(policies.map(([id, policy]) => [id, new Set(secretsIn(asJson(asJson(policy).Properties)))]));
}

function secretsIn(properties: Readonly<Record<string, unknown>>): string[] {
  const statements: unknown = asJson(properties.PolicyDocument).Statement;
  return (Array.isArray(statements) ? statements.map(asJson) : [])
    .filter(({ Effect, Action }) => Effect === 'Allow' && [Action].flat().includes('secretsmanager:GetSecretValue'))
    .flatMap(({ Resource }) => [Resource].flat())
    .map((resource) => (typeof resource === 'string' ? resource : String(asJson(resource).Ref)));
}

/** Returns all that a role may read with these policies. */
export function readable(rights: Rights): string[] {
  return [...rights.values()].flatMap((secrets) => [...secrets]).sort();
}

/**
 * Returns what the role may read at every step of an update. CloudFormation updates one policy after the other, in an order of its
 * own, so only a right that a policy has before and after is there all the time.
 */
export function readableThroughout(before: Rights, after: Rights): string[] {
  return [...before].flatMap(([id, secrets]) => [...secrets].filter((secret) => after.get(id)?.has(secret))).sort();
}

/**
 * Returns the resources whose type another template changes. CloudFormation then refuses the template, before it changes anything:
 * `Update of resource type is not permitted`.
 */
export function changedTypes(before: unknown, after: unknown): string[] {
  const later = asJson(after);
  return Object.entries(asJson(before))
    .filter(([id, resource]) => id in later && asJson(resource).Type !== asJson(later[id]).Type)
    .map(([id]) => id);
}

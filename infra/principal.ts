import { Stack } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/** A wildcard, or an account by its root or its number, in what a template says of principals. */
const tooWide = /\*|:root"|"\d{12}"/;

/**
 * The ARNs by which AWS knows a grantee.
 *
 * @throws Error where it is no role or user, but a service, a whole AWS account or a wildcard: whoever runs those would
 * hand the right on
 */
export function arnsOf(scope: Construct, grantee: IGrantable): string[] {
  const principals: unknown = grantee.grantPrincipal.policyFragment.principalJson.AWS;
  const arns = Array.isArray(principals) ? principals.map(String) : [];
  if (arns.length === 0 || tooWide.test(JSON.stringify(Stack.of(scope).resolve(arns)))) {
    throw new Error('a right is for a role or a user: something with an ARN of its own, not an account or a wildcard');
  }
  return arns;
}

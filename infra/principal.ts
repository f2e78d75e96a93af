// Checks that a grantee is a role or a user. Called by token-broker.ts and secrets.ts for every grant.
import { Stack } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/** Matches a wildcard or a whole AWS account (its root or its number) in the principals of a template. */
const tooWide = /\*|:root"|"\d{12}"/;

/**
 * Returns the ARNs of a grantee.
 *
 * @throws Error if the grantee is not a role or a user, but a service, an AWS account or a wildcard: each of those lets
 *   other principals use the right
 */
export function arnsOf(scope: Construct, grantee: IGrantable): string[] {
  const principals: unknown = grantee.grantPrincipal.policyFragment.principalJson.AWS;
  const arns = Array.isArray(principals) ? principals.map(String) : [];
  if (arns.length === 0 || tooWide.test(JSON.stringify(Stack.of(scope).resolve(arns)))) {
    throw new Error(
      'only a role or a user can get a right: pass a principal with its own ARN, not an account, a service or a wildcard',
    );
  }
  return arns;
}

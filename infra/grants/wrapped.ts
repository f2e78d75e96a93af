// Looks at the principal behind a grantee, and whether the CDK changes its policy. Called by the other files of grants.
import { Stack, Token, TokenComparison } from 'aws-cdk-lib';
import type { IGrantable, IPrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

/** Returns the principal without what the CDK wraps around it, for example session tags. */
export function unwrapped({ grantPrincipal }: IGrantable): IPrincipal {
  const wrapped: unknown = Reflect.get(grantPrincipal, 'wrapped');
  return isPrincipal(wrapped) ? unwrapped(wrapped) : grantPrincipal;
}

/** Whether a value, which in JavaScript can be anything, is a principal. */
export function isPrincipal(value: unknown): value is IPrincipal {
  return typeof value === 'object' && value !== null && 'grantPrincipal' in value && 'addToPrincipalPolicy' in value;
}

/**
 * Whether the CDK never changes a policy of this role: it is imported with `mutable: false`, imported from another AWS
 * account, or made by `withoutPolicyUpdates`. The CDK does not export its class.
 */
export function isFixed(principal: IPrincipal): boolean {
  return Reflect.has(principal, 'addGrantsToResources');
}

/** Whether the CDK reports success for a role, although it changes no policy, neither of the role nor of the resource. */
export function isIgnored(principal: IPrincipal): boolean {
  return Reflect.get(principal, 'addGrantsToResources') === false;
}

/** Whether the stack of an imported grantee cannot change its policy, because the grantee is in another AWS account. */
export function isOfAnotherAccount(grantee: IGrantable): boolean {
  const principal = unwrapped(grantee);
  const { principalAccount } = principal;
  if (!Construct.isConstruct(principal) || principalAccount === undefined) {
    return false;
  }
  const { account } = Stack.of(principal);
  const comparison = Token.compareStrings(principalAccount, account);
  return (
    comparison === TokenComparison.DIFFERENT || (isFixed(principal) && comparison === TokenComparison.ONE_UNRESOLVED)
  );
}

// Grants direct invocation of the alias of one account. Called by token-broker.ts.
import { Stack, Token, TokenComparison } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import type { Construct, IConstruct } from 'constructs';
import { checkElsewhere } from './elsewhere.ts';
import { keepsExportsFor, namesItsStack, otherStackOf } from './other-stack.ts';

/** The alias, its ARN as text after the ARN of the function, and the ARN of the grantee. */
export interface InvokeRight {
  readonly alias: IAlias;
  readonly textArn: string;
  readonly granteeArn: string;
}

/**
 * Grants the right. For a grantee of another stack, the policy names the alias as text: an export of an alias would
 * outlive its account. If the broker cannot keep its exports, the policy names what it named in earlier versions.
 *
 * @throws Error if the stacks cannot refer to each other, or if the CDK would give the right to another user
 */
export function grantInvoke(broker: Construct, grantee: IGrantable, right: InvokeRight): Grant {
  const { alias, textArn, granteeArn } = right;
  checkElsewhere(broker, grantee, { arn: granteeArn, needs: `lambda:InvokeFunction on the alias ${alias.aliasName}` });
  const other = otherStackOf(broker, grantee);
  const needsPermission = isElsewhere(broker, grantee) && !namesItsStack(broker, grantee, granteeArn);
  if (other === undefined || needsPermission) {
    return alias.grantInvoke(grantee);
  }
  return Grant.addToPrincipal({
    grantee,
    actions: ['lambda:InvokeFunction'],
    resourceArns: [keepsExportsFor(broker, other) ? textArn : alias.functionArn],
  });
}

/** Whether the grantee is, or may be, in another AWS account, so that the alias must allow it too. */
function isElsewhere(broker: IConstruct, { grantPrincipal: { principalAccount } }: IGrantable): boolean {
  const same = [TokenComparison.SAME, TokenComparison.BOTH_UNRESOLVED];
  return (
    principalAccount !== undefined && !same.includes(Token.compareStrings(principalAccount, Stack.of(broker).account))
  );
}

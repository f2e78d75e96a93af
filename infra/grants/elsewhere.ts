// Checks grantees of another stack or AWS account. Called by the grants of an own broker, in token-broker.ts and invoke.ts.
import { Annotations, Stack, Token } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { checkOtherStack } from './other-stack.ts';
import { nameOf } from './principal.ts';
import { textOf } from './principal-tokens.ts';
import { isFixed, isOfAnotherAccount, unwrapped } from './wrapped.ts';

/** The ARN of a grantee, and its right as text, for example `execute-api:Invoke on POST /token/main`. */
export interface Right {
  readonly arn: string;
  readonly needs: string;
}

/** The right of an administrator as text. */
export const administration =
  'lambda:InvokeFunction on the alias admin; secretsmanager:DescribeSecret, PutSecretValue and UpdateSecretVersionStage on the secrets; kms:Decrypt and kms:GenerateDataKey on their key';

/**
 * Checks that a grantee can get the right from the stack of the broker. If it is in another AWS account, synth says what its
 * own policy must allow there, because AWS then asks for the right on both sides.
 *
 * @throws Error if the stacks cannot refer to each other, or if the grantee is a user that is imported from another AWS
 *   account. The CDK gives the policy of such a user to the user of that name in the AWS account of the stack
 */
export function checkElsewhere(broker: Construct, grantee: IGrantable, { arn, needs }: Right): void {
  checkOtherStack(broker, grantee);
  const principal = unwrapped(grantee);
  const text = textOf(broker, arn);
  const who = nameOf(principal, text);
  if (isOfAnotherAccount(grantee) && !isFixed(principal)) {
    throw new Error(
      `${who} is a user of another AWS account, and the CDK would give the right to the user of that name in the account of the stack: pass new ArnPrincipal(<ARN of the user>)`,
    );
  }
  const { account } = Stack.of(broker);
  const [, , , , other = ''] = text.split(':');
  if (/^\d{12}$/.test(other) && !Token.isUnresolved(account) && other !== account) {
    // Older versions of aws-cdk-lib have no addInfoV2.
    Annotations.of(broker).addInfo(
      `${who} is in another AWS account. Its own policy, in ${other}, must allow it too: ${needs}.`,
    );
  }
}

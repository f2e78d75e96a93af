// Keeps grants to other stacks of an app deployable. Called by token-broker.ts and connect.ts.
import { Annotations, Stack } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct, type IConstruct } from 'constructs';

/** Returns the stack of a grantee that is deployed apart from the broker. Undefined: they are deployed together. */
export function otherStackOf(broker: IConstruct, { grantPrincipal }: IGrantable): Stack | undefined {
  if (!Construct.isConstruct(grantPrincipal)) {
    return undefined;
  }
  const stack = deployedWith(grantPrincipal);
  return stack === deployedWith(broker) ? undefined : stack;
}

/** Returns the stack whose deployment includes a construct: that of the construct, or the root of nested stacks. */
function deployedWith(construct: IConstruct): Stack {
  const stack = Stack.of(construct);
  return stack.nestedStackParent === undefined ? stack : deployedWith(stack.nestedStackParent);
}

/**
 * Checks that a grantee of another stack can refer to the broker, and says so if a right cannot be taken back freely.
 *
 * @throws Error if the two stacks are in different regions or AWS accounts, because then they cannot refer to each other
 */
export function checkOtherStack(broker: IConstruct, grantee: IGrantable): void {
  const other = otherStackOf(broker, grantee);
  if (other === undefined) {
    return;
  }
  const own = Stack.of(broker);
  if (other.account !== own.account || (other.region !== own.region && !hasWeakReferences(other))) {
    throw new Error(`${whoIn(other, grantee)} of another environment than the broker. ${importAdvice}`);
  }
  if (own.nestedStackParent !== undefined) {
    Annotations.of(broker).addWarningV2(
      'fegora-token-broker:nested-stack',
      `The broker is in a nested stack, and ${whoIn(other, grantee)}. To take this right back, deploy that stack first: cdk deploy --exclusively ${other.stackName}`,
    );
  }
}

/** Newer apps refer to other stacks, also of other regions, by outputs that CloudFormation lets go. */
function hasWeakReferences({ node }: Stack): boolean {
  return node.tryGetContext('@aws-cdk/core:defaultCrossStackReferences') === 'weak';
}

/** @throws Error if the policies of the broker must name the grantee, because two stacks cannot refer to each other */
export function checkSameStack(broker: IConstruct, grantee: IGrantable, advice: string): void {
  const other = otherStackOf(broker, grantee);
  if (other !== undefined) {
    throw new Error(
      `${whoIn(other, grantee)}, and a policy in the stack of the broker must name it, but two stacks cannot refer to each other: ${advice}`,
    );
  }
}

const importAdvice =
  'A stack refers to a broker of another region or AWS account by its attributes: use TokenBroker.fromAttributes there, and grant the right with that';

function whoIn(stack: Stack, { grantPrincipal }: IGrantable): string {
  const who = Construct.isConstruct(grantPrincipal) ? grantPrincipal.node.path : '';
  return `${who} is in the stack ${stack.node.path}`;
}

/**
 * Exports values from the stack of the broker, used or not. By default, the CDK only exports what another stack imports.
 * If a right is taken back, the CDK then deploys the stack of the broker first, without the export, and CloudFormation
 * refuses to delete an export that the other stack still imports.
 *
 * @see https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.Stack.html#exportwbrvalueexportedvalue-options
 */
export function keepExports(broker: IConstruct, values: readonly string[]): void {
  const stack = Stack.of(broker);
  // The CDK exports values of a nested stack from its root, and has no method for that.
  if (stack.nestedStackParent === undefined) {
    for (const value of values) {
      stack.exportValue(value);
    }
  }
}

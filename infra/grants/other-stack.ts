// Keeps grants to other stacks of an app deployable. Called by token-broker.ts and invoke.ts.
import { Annotations, Stack } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct, type IConstruct } from 'constructs';
import { elementsIn } from './principal-tokens.ts';
import { isFixed, unwrapped } from './wrapped.ts';

/**
 * Returns the stack of a grantee that is deployed apart from the broker, and whose policy the CDK changes there.
 * Undefined: they are deployed together, or the CDK changes no policy of the grantee.
 */
export function otherStackOf(broker: IConstruct, grantee: IGrantable): Stack | undefined {
  const principal = unwrapped(grantee);
  if (!Construct.isConstruct(principal) || isFixed(principal)) {
    return undefined;
  }
  const stack = deployedWith(principal);
  return stack === deployedWith(broker) ? undefined : stack;
}

/** Whether two constructs are in stacks that are not deployed together. */
export function areDeployedApart(one: IConstruct, other: IConstruct): boolean {
  return deployedWith(one) !== deployedWith(other);
}

/** Returns the stack whose deployment includes a construct: that of the construct, or the root of nested stacks. */
function deployedWith(construct: IConstruct): Stack {
  const stack = Stack.of(construct);
  return stack.nestedStackParent === undefined ? stack : deployedWith(stack.nestedStackParent);
}

/**
 * Checks that a grantee of another stack can refer to the broker, and says so if a right cannot be taken back freely.
 *
 * @throws Error if the two stacks cannot refer to each other: they are in different AWS accounts, or in different regions
 *   without references between regions
 */
export function checkOtherStack(broker: IConstruct, grantee: IGrantable): void {
  const other = otherStackOf(broker, grantee);
  if (other === undefined) {
    return;
  }
  const own = Stack.of(broker);
  if (other.account !== own.account || (other.region !== own.region && !refersToRegions(other))) {
    throw new Error(`${whoIn(other, grantee)} of another environment than the broker. ${importAdvice}`);
  }
  if (!keepsExportsFor(broker, other)) {
    const [id, where] =
      own.nestedStackParent === undefined ? ['cross-region', 'another region'] : ['nested-stack', 'a nested stack'];
    Annotations.of(broker).addWarningV2(
      `fegora-token-broker:${id}`,
      `The broker is in ${where}, and ${whoIn(other, grantee)}. To take this right back, deploy that stack first: cdk deploy --exclusively ${other.stackName}`,
    );
  }
}

/**
 * Whether what the other stack imports stays after a right is taken back. The stack around a nested stack exports only
 * what is in use, and so do stacks for other regions.
 */
export function keepsExportsFor(broker: IConstruct, other: Stack): boolean {
  const own = Stack.of(broker);
  return own.nestedStackParent === undefined && (own.region === other.region || hasWeakReferences(other));
}

function refersToRegions(stack: Stack): boolean {
  return hasWeakReferences(stack) || Reflect.get(stack, '_crossRegionReferences') === true;
}

/** Newer apps refer to other stacks, also of other regions, by outputs that CloudFormation lets go. */
function hasWeakReferences({ node }: Stack): boolean {
  return node.tryGetContext('@aws-cdk/core:defaultCrossStackReferences') === 'weak';
}

/**
 * Whether the ARN of a grantee refers to a resource of its stack. A policy of the broker then cannot name it, because two
 * stacks cannot refer to each other.
 */
export function namesItsStack(broker: IConstruct, grantee: IGrantable, arn: string): boolean {
  const other = otherStackOf(broker, grantee);
  return other !== undefined && elementsIn(broker, arn).some((element) => deployedWith(element) === other);
}

/** @throws Error if the policies of the broker must name the grantee and cannot */
export function checkNamed(broker: IConstruct, grantee: IGrantable, { arn, advice }: Naming): void {
  const other = otherStackOf(broker, grantee);
  if (other !== undefined && namesItsStack(broker, grantee, arn)) {
    throw new Error(
      `${whoIn(other, grantee)}, and a policy in the stack of the broker must name it, but two stacks cannot refer to each other: ${advice}`,
    );
  }
}

/** The ARN of a grantee that must be named, and what to do if it cannot be. */
export interface Naming {
  readonly arn: string;
  readonly advice: string;
}

const importAdvice =
  'A stack refers to a broker of another region or AWS account by its attributes: use TokenBroker.fromAttributes there, and grant the right with that';

function whoIn(stack: Stack, grantee: IGrantable): string {
  const principal = unwrapped(grantee);
  const who = Construct.isConstruct(principal) ? principal.node.path : '';
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
    for (const value of values.filter((arn) => isOwn(stack, arn))) {
      stack.exportValue(value);
    }
  }
}

/** Whether a value is that of a resource of the stack. Others, for example of an imported key, need no export. */
function isOwn(stack: Stack, value: string): boolean {
  return elementsIn(stack, value).some((element) => element.stack === stack);
}

// Says what ends the number of accounts in one stack, before CloudFormation would. Called by token-broker.ts and stack.ts.
import { CfnOutput, CfnResource, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * What CloudFormation takes in one template.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
 */
const most = { resources: 500, outputs: 200 } as const;

/** What one account takes of them, and what to do. */
const advice = {
  resources:
    'an account takes 4, and 5 if its secret has a generated name. Move some of the accounts to a second stack, or add the new ones as open accounts',
  outputs:
    "an account takes 1, and 3 if its secret has a generated name. Give the accounts that you add secretName: 'from-id', move some to a second stack, or add the new ones as open accounts",
} as const;

/**
 * Checks the stack as it is now, and again when the app synthesises.
 *
 * @throws Error in one sentence, if the stack is too large for CloudFormation
 */
export function keepInLimits(broker: IConstruct): void {
  checkLimits(broker);
  broker.node.addValidation({ validate: () => limitFaults(broker) });
}

/** @throws Error in one sentence, if the stack is too large for CloudFormation */
export function checkLimits(construct: IConstruct): void {
  const [fault] = limitFaults(construct);
  if (fault !== undefined) {
    throw new Error(fault);
  }
}

function limitFaults(construct: IConstruct): string[] {
  const stack = Stack.of(construct);
  const elements = stack.node.findAll().filter((element) => Stack.of(element) === stack);
  const counts = {
    resources: elements.filter((element) => CfnResource.isCfnResource(element)).length,
    outputs: elements.filter((element) => element instanceof CfnOutput).length,
  };
  return (['resources', 'outputs'] as const)
    .filter((kind) => counts[kind] > most[kind])
    .map((kind) => `the stack has ${counts[kind]} ${kind}, and CloudFormation takes ${most[kind]}: ${advice[kind]}`);
}

// Refers to the alias of an account from another stack. Called by fegora-requests.ts; fegora-requests.test.ts tests it.
import { Names, Stack } from 'aws-cdk-lib';
import { Alias, type IAlias, type IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct, IConstruct } from 'constructs';
import { areDeployedApart } from '../grants/other-stack.ts';

/**
 * Returns the alias for a state. In another stack, it has its ARN as text after the ARN of the function, which is always
 * exported: the export of an alias would stay in use until that stack is deployed, and CloudFormation does not delete it before.
 *
 * @param scope of the state
 */
export function aliasForState(scope: Construct, alias: IAlias): IFunction {
  if (!areDeployedApart(scope, alias)) {
    return alias;
  }
  const stack = Stack.of(scope);
  const id = Names.uniqueResourceName(alias, {});
  const known = stack.node.tryFindChild(id);
  const { aliasName, version: aliasVersion } = alias;
  return known === undefined ? Alias.fromAliasAttributes(stack, id, { aliasName, aliasVersion }) : Object(known);
}

/** @throws Error if a rule is in another stack: the policy of the queue names the rule, so the stacks would need each other */
export function checkRule(rule: IConstruct, requests: IConstruct): void {
  if (areDeployedApart(rule, requests)) {
    throw new Error(
      `${rule.node.path} is in another stack than ${requests.node.path}: create FegoraRequests in the stack of the rule`,
    );
  }
}

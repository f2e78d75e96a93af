// Acknowledges rules of cdk-nag, for its versions 2 and 3. Called by the constructs that break a rule for a reason.
import { CfnResource } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** A rule that a construct breaks, and why. */
export interface Acknowledgement {
  /** Id of the rule. A rule with findings has one of them in brackets, as in `AwsSolutions-IAM5[Resource::*]`. */
  readonly id: string;
  /** At least 10 characters of Latin-1. */
  readonly reason: string;
}

/**
 * Type of the metadata that cdk-nag 3 reads. It is the value of `Validations.ACKNOWLEDGED_RULES_METADATA_KEY`, which
 * older versions of aws-cdk-lib do not have.
 */
export const acknowledgedRules = 'aws:cdk:acknowledged-rules';

/**
 * Acknowledges rules for a construct and the resources in it. The call does not import cdk-nag. Version 3 reads the
 * metadata of the construct. Version 2 reads the metadata of each resource, so call this after the resources exist.
 */
export function acknowledge(construct: IConstruct, ...rules: readonly Acknowledgement[]): void {
  for (const { id, reason } of rules) {
    construct.node.addMetadata(acknowledgedRules, { [id]: reason });
  }
  for (const resource of construct.node.findAll().filter((node) => CfnResource.isCfnResource(node))) {
    const earlier: readonly unknown[] = resource.getMetadata('cdk_nag')?.rules_to_suppress ?? [];
    resource.addMetadata('cdk_nag', { rules_to_suppress: [...earlier, ...rules.map(suppression)] });
  }
}

/** @see https://github.com/cdklabs/cdk-nag/blob/main/README.md#suppressing-a-rule */
function suppression({ id, reason }: Acknowledgement) {
  const [, rule = id, finding] = /^([^[]+)\[(.+)\]$/s.exec(id) ?? [];
  return { id: rule, reason, ...(finding !== undefined && { applies_to: [finding] }) };
}

// Tests that cdk-nag 2 and 3 find nothing in an app of a user (infra/acknowledge.ts).
import { App, Aspects, Stack, Validations } from 'aws-cdk-lib';
import { CfnQueue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { AwsSolutionsChecks as AwsSolutionsChecks2, ServerlessChecks as ServerlessChecks2 } from 'cdk-nag-v2';
import type { IConstruct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { acknowledge, acknowledgedRules } from '../../infra/acknowledge.ts';
import { createApp } from './support/synth.ts';
import { createUserStacks } from './support/user-app.ts';

/**
 * The functions and the queue of the user break rules that are not ours, for example about queues. The role of an administrator of open accounts is the
 * user's, too: it may list all secrets, and manage those under the prefix.
 */
const ofTheUser =
  /\/(Caller|Operator|Failed)\/Resource|\/OperatorRole\/DefaultPolicy\/Resource: AwsSolutions-IAM5\[Resource::(\*|arn:[^\]]+:secret:fegora\/[\w-]+\/\*)\]/;

/** Returns what version 2 has written to the constructs, as it does not throw. */
function findingsOf2(app: App): string[] {
  Aspects.of(app).add(new AwsSolutionsChecks2());
  Aspects.of(app).add(new ServerlessChecks2());
  app.synth();
  return app.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === 'aws:cdk:error' || type === 'aws:cdk:warning')
      .map(({ data }) => `${node.path}: ${String(data)}`)
      .filter((finding) => /: (AwsSolutions|Serverless|CdkNag)/.test(finding)),
  );
}

/** Returns what version 3 reports. */
function findingsOf3(app: App): string[] {
  app.synth();
  return [new AwsSolutionsChecks(app), new ServerlessChecks(app)].flatMap((pack) =>
    pack
      .validateScope(app)
      .violations.flatMap(({ ruleName, violatingResources }) =>
        violatingResources.map(({ constructPath }) => `${constructPath}: ${ruleName}`),
      ),
  );
}

describe.each([
  ['cdk-nag 2', findingsOf2],
  ['cdk-nag 3', findingsOf3],
])('%s', (_, findingsOf) => {
  test('finds nothing in the constructs when an app uses every prop, a private API, an import, probes and requests', () => {
    const app = createApp();
    createUserStacks(app);
    expect(findingsOf(app).filter((finding) => !ofTheUser.test(finding))).toEqual([]);
  });

  test('finds a rule that no one has acknowledged', () => {
    const app = createApp();
    new CfnQueue(new Stack(app, 'Broken'), 'Queue');
    expect(findingsOf(app).join('\n')).toContain('AwsSolutions-SQS');
  });
});

/** Returns the metadata that version 2 reads. */
function suppressionsOf(construct: IConstruct): unknown {
  return construct instanceof CfnQueue ? construct.getMetadata('cdk_nag') : undefined;
}

describe('acknowledge', () => {
  test('acknowledge writes the metadata of version 3 to the construct, under the key of aws-cdk-lib', () => {
    const stack = new Stack(new App(), 'Stack');
    acknowledge(stack, { id: 'AwsSolutions-SQS3', reason: 'not needed here' });
    expect(acknowledgedRules).toBe(Validations.ACKNOWLEDGED_RULES_METADATA_KEY);
    expect(stack.node.metadata).toContainEqual(
      expect.objectContaining({ type: acknowledgedRules, data: { 'AwsSolutions-SQS3': 'not needed here' } }),
    );
  });

  test('acknowledge writes the metadata of version 2 to each resource, with a finding in a list of its own', () => {
    const stack = new Stack(new App(), 'Stack');
    const queue = new CfnQueue(stack, 'Queue');
    acknowledge(stack, { id: 'AwsSolutions-SQS3', reason: 'not needed here' });
    acknowledge(stack, { id: 'AwsSolutions-IAM5[Resource::*]', reason: 'no resources' });
    expect(suppressionsOf(queue)).toEqual({
      rules_to_suppress: [
        { id: 'AwsSolutions-SQS3', reason: 'not needed here' },
        { id: 'AwsSolutions-IAM5', reason: 'no resources', applies_to: ['Resource::*'] },
      ],
    });
  });
});

// Creates the secret of one account without a value, and tells the length of its ARN. Called by secrets.ts.
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { PolicyDocument } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnResourcePolicy, CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

/** What a new secret needs. */
export interface CreatedSecretProps {
  readonly key: IKey;
  /** The policy of the secret. Statements that are added later count too. */
  readonly policy: PolicyDocument;
  /** @default - CloudFormation keeps the secret and its policy */
  readonly removalPolicy?: RemovalPolicy | undefined;
}

/** Uses `CfnSecret`: the construct `Secret` would set a random value, and the broker would try it as a password. */
export function createSecret(scope: Construct, { key, policy, removalPolicy }: CreatedSecretProps): CfnSecret {
  const onRemoval = removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
  const secret = new CfnSecret(scope, 'Resource', {
    description: `Fegora credentials of account ${scope.node.id}: {"username","password"}`,
    kmsKeyId: key.keyArn,
  });
  secret.applyRemovalPolicy(onRemoval);
  acknowledge(secret, {
    id: 'AwsSolutions-SMG4',
    reason: 'Only Fegora can change the password, so AWS cannot rotate it automatically.',
  });
  const resourcePolicy = new CfnResourcePolicy(scope, 'Policy', {
    secretId: secret.ref,
    blockPublicPolicy: true,
    resourcePolicy: policy,
  });
  // A kept secret outlives the stack. Without its policy, other roles of the AWS account could read it.
  resourcePolicy.applyRemovalPolicy(onRemoval);
  return secret;
}

const longestPrefix = 'arn:aws-us-gov:secretsmanager:ap-southeast-1:123456789012:secret:';

/** Length of the longest ARN that a secret can have, with a name of 512 characters. */
export const longestArnOfAll = 600;

/** CloudFormation names a secret after its logical id and adds 12 characters. Secrets Manager adds 6 to the ARN. */
export function longestCreatedArn(secret: CfnSecret): number {
  return longestPrefix.length + Stack.of(secret).getLogicalId(secret).length + '-'.length + 12 + '-'.length + 6;
}

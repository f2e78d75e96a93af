// Creates the secret of one account without a value, and tells the length of its ARN. Called by secrets.ts.
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { PolicyDocument } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnResourcePolicy, CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

/** What a new secret needs. */
export interface CreatedSecretProps {
  /** @default - CloudFormation generates a name */
  readonly name?: string | undefined;
  readonly key: IKey;
  /** The policy of the secret. Statements that are added later count too. */
  readonly policy: PolicyDocument;
  /** @default - CloudFormation keeps the secret and its policy */
  readonly removalPolicy?: RemovalPolicy | undefined;
}

/** Ids of the two constructs. With a name, the policy has the id that a secret without one has. */
const generatedIds = { secret: 'Resource', policy: 'Policy' } as const;
const namedIds = { secret: 'Named', policy: 'Resource' } as const;

/**
 * Uses `CfnSecret`: the construct `Secret` would set a random value, and the broker would try it as a password.
 *
 * A secret cannot be renamed. If CloudFormation gave the account of a stack in use a secret with another name, its callers would
 * fail until someone sets its credentials again. So the two kinds of names swap ids: the template then changes the type of a
 * resource, and CloudFormation refuses such a template before it changes anything.
 */
export function createSecret(scope: Construct, { name, key, policy, removalPolicy }: CreatedSecretProps): CfnSecret {
  const onRemoval = removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
  const ids = name === undefined ? generatedIds : namedIds;
  const secret = new CfnSecret(scope, ids.secret, {
    ...(name !== undefined && { name }),
    description: `Fegora credentials of account ${scope.node.id}: {"username","password"}`,
    kmsKeyId: key.keyArn,
  });
  secret.applyRemovalPolicy(onRemoval);
  acknowledge(secret, {
    id: 'AwsSolutions-SMG4',
    reason: 'Only Fegora can change the password, so AWS cannot rotate it automatically.',
  });
  const resourcePolicy = new CfnResourcePolicy(scope, ids.policy, {
    secretId: secret.ref,
    blockPublicPolicy: true,
    resourcePolicy: policy,
  });
  // A kept secret outlives the stack. Without its policy, other roles of the AWS account could read it.
  resourcePolicy.applyRemovalPolicy(onRemoval);
  return secret;
}

/** The longest beginning of an ARN of a secret. */
export const longestPrefix = 'arn:aws-us-gov:secretsmanager:ap-southeast-1:123456789012:secret:';

/** Length of the longest ARN that a secret can have, with a name of 512 characters. */
export const longestArnOfAll = 600;

/**
 * Length of the longest ARN of a secret that the stack creates. CloudFormation names a secret without a name after its logical id and
 * adds 12 characters. Secrets Manager adds 6 to the ARN.
 */
export function longestCreatedArn(secret: CfnSecret, name: string | undefined): number {
  const nameLength = name?.length ?? Stack.of(secret).getLogicalId(secret).length + '-'.length + 12;
  return longestPrefix.length + nameLength + '-'.length + 6;
}

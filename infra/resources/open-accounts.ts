// Lets the broker have accounts that the stack does not list, and tells the command line how to make them. Called by token-broker.ts.
import { Annotations, ArnFormat, Stack } from 'aws-cdk-lib';
import { Grant, type IGrantable, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import { viaService } from './key.ts';
import { openAccountTag } from './open-account-tag.ts';
import { createSecretPolicy, type SecretPolicy, writing } from './secret-policy.ts';

/** What open accounts need. */
export interface OpenAccountsProps {
  /** The key of the secrets. */
  readonly key: IKey;
  /** The role of the broker. */
  readonly role: Role;
  /** What the names of the secrets begin with. */
  readonly secretPrefix: string;
}

/** The rights on secrets that the stack does not know, and the policy that each of them gets. */
export class OpenAccounts extends Construct {
  /**
   * What `broker accounts add` gives a secret, JSON: `prefix`, `keyArn`, `tag` (`key` and `value`) and `policy`. The policy is the one
   * of the secrets that the stack creates.
   */
  readonly settings: string;
  /** What the names of the secrets begin with. */
  readonly secretPrefix: string;
  private readonly policy: SecretPolicy;
  /** Of every secret under the prefix. */
  private readonly secretsArn: string;

  constructor(scope: Construct, id: string, { key, role, secretPrefix }: OpenAccountsProps) {
    super(scope, id);
    this.secretPrefix = secretPrefix;
    const stack = Stack.of(this);
    this.policy = createSecretPolicy(role.roleArn);
    this.secretsArn = stack.formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: `${secretPrefix}*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['secretsmanager:GetSecretValue'],
        resources: [this.secretsArn],
        conditions: this.whereTag('secretsmanager:ResourceTag'),
      }),
    );
    acknowledge(role, {
      id: `AwsSolutions-IAM5[Resource::${findingOf(stack.resolve(this.secretsArn))}]`,
      reason: 'The stack does not know the secrets of open accounts. The right needs the tag of the stack on each.',
    });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['kms:Decrypt'],
        resources: [key.keyArn],
        conditions: { StringEquals: { 'kms:ViaService': viaService(this, 'secretsmanager') } },
      }),
    );
    this.settings = stack.toJsonString({
      prefix: secretPrefix,
      keyArn: key.keyArn,
      tag: { key: openAccountTag, value: stack.stackName },
      policy: this.policy.document,
    });
  }

  /**
   * Lets a principal add and remove accounts, and set their credentials. After the first such grant, only the grantees can set the
   * credentials of accounts that are added from then on. A secret that does not exist has no tag, so its description needs none.
   *
   * @param arn the ARN of the grantee, checked by `arnOf`
   */
  grantAdmin(grantee: IGrantable, arn: string): void {
    this.policy.allowWriter(arn);
    const onSecrets = { grantee, resourceArns: [this.secretsArn] };
    const grants = [
      Grant.addToPrincipal({ ...onSecrets, actions: making, conditions: this.whereTag('aws:RequestTag') }),
      Grant.addToPrincipal({ ...onSecrets, actions: tagging, conditions: this.whereNew() }),
      Grant.addToPrincipal({
        ...onSecrets,
        actions: managing,
        conditions: this.whereTag('secretsmanager:ResourceTag'),
      }),
      Grant.addToPrincipal({ ...onSecrets, actions: describing }),
      Grant.addToPrincipal({ grantee, actions: listing, resourceArns: ['*'] }),
    ];
    if (!grants.every(({ success }) => success)) {
      Annotations.of(this).addWarningV2(
        'fegora-token-broker:open-accounts-administrator',
        `${arn} is not of this app, so it gets no right to add or remove accounts. Give it the policy of docs/operations.md, «Open accounts».`,
      );
    }
  }

  /**
   * A secret gets its tag as it is created, which needs the right to tag. The right must not bring in a secret that exists: an administrator
   * could then change its policy, and read it. Another broker has given its secrets another value, and CloudFormation marks those that a
   * stack lists.
   */
  private whereNew() {
    return {
      ...this.whereTag('aws:RequestTag'),
      StringEqualsIfExists: this.whereTag('secretsmanager:ResourceTag').StringEquals,
      Null: { 'aws:ResourceTag/aws:cloudformation:stack-id': 'true' },
    };
  }

  /** The tag of the stack, on the secret or in the request. */
  private whereTag(key: 'aws:RequestTag' | 'secretsmanager:ResourceTag') {
    return { StringEquals: { [`${key}/${openAccountTag}`]: Stack.of(this).stackName } };
  }
}

/** An ARN as cdk-nag writes it: references in angle brackets. */
function findingOf(arn: unknown): string {
  const [, pieces = [arn]]: readonly unknown[] = Object(arn)['Fn::Join'] ?? [];
  return [pieces]
    .flat()
    .map((piece) => (typeof piece === 'string' ? piece : `<${Object(piece).Ref}>`))
    .join('');
}

const making = ['secretsmanager:CreateSecret'];
const tagging = ['secretsmanager:TagResource'];
const managing = [
  'secretsmanager:DeleteSecret',
  'secretsmanager:PutResourcePolicy',
  'secretsmanager:RestoreSecret',
  ...writing,
];
const describing = ['secretsmanager:DescribeSecret'];
const listing = ['secretsmanager:ListSecrets'];

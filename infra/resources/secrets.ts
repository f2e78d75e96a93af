// Creates or imports the secret of one account, its resource policy and the rights on it. Called by token-broker.ts.
import { Annotations, type RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { Grant, type IGrantable, type IResourceWithPolicyV2, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { elementsIn } from '../grants/principal-tokens.ts';
import { isIgnored, unwrapped } from '../grants/wrapped.ts';
import { createSecret, longestArnOfAll, longestCreatedArn } from './created-secret.ts';
import { viaService } from './key.ts';
import { createSecretPolicy, type SecretPolicy, writing } from './secret-policy.ts';
import type { AllowRead } from './secret-rights.ts';

/** The secret of one account, and who may use it. */
export interface AccountSecretProps {
  /** The key of the broker. It encrypts the secret if the stack creates the secret. */
  readonly key: IKey;
  /** The role of the broker. Only this role may read the secret. */
  readonly role: Role;
  /** Gives that role the right. */
  readonly allowRead: AllowRead;
  /**
   * The name of the secret, if it follows from the id of the account.
   *
   * @default - CloudFormation generates a name, or the secret exists
   */
  readonly secretName?: string | undefined;
  /**
   * Complete ARN of an existing secret.
   *
   * @default - the stack creates a secret without a value
   */
  readonly secretArn?: string | undefined;
  /**
   * ARN of the customer managed key that encrypts the existing secret.
   *
   * @default - the AWS managed key encrypts the secret, and the broker needs no grant on it
   */
  readonly secretKeyArn?: string | undefined;
  /**
   * What happens to the secret and its policy when the stack is deleted. An existing secret always stays.
   *
   * @default - CloudFormation keeps both
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
}

/** The secret of one account, its policy, and the right of the broker to read it. */
export class AccountSecret extends Construct {
  /** Complete ARN. */
  readonly secretArn: string;
  /** Maximum length of the ARN that CloudFormation creates, in characters. */
  readonly longestArn: number;
  /** The name, if it follows from the id of the account. */
  readonly secretName: string | undefined;
  /** Whether the stack creates the secret and its policy. */
  readonly isOurs: boolean;
  /** The customer managed key of an existing secret. */
  private readonly keyArn: string | undefined;
  private readonly policy: SecretPolicy;

  constructor(scope: Construct, id: string, props: AccountSecretProps) {
    super(scope, id);
    const { key, role, secretName, secretArn, secretKeyArn } = props;
    this.secretName = secretName;
    this.isOurs = secretArn === undefined;
    this.keyArn = secretKeyArn;
    this.policy = createSecretPolicy(role.roleArn);
    if (secretArn === undefined) {
      const secret = createSecret(this, { ...props, name: secretName, policy: this.policy.document });
      this.secretArn = secret.ref;
      this.longestArn = longestCreatedArn(secret, secretName);
    } else {
      this.secretArn = secretArn;
      this.longestArn = Token.isUnresolved(secretArn) ? longestArnOfAll : secretArn.length;
      this.warnAboutPolicy();
    }
    const { secretArn: arn, longestArn } = this;
    props.allowRead({ account: id, secretArn: arn, longestArn, isNamed: secretName !== undefined });
    this.allowDecrypt(role, secretArn === undefined ? key.keyArn : secretKeyArn);
  }

  /**
   * Lets a principal set the credentials, and put an earlier value back, but not read them. After the first such grant, only the grantees can set the
   * credentials. Another principal must first change the policy of the secret.
   *
   * The stack does not change the policy of an existing secret. In that case this method only changes the policy of the
   * grantee. Synth warns if the stack cannot change that policy either.
   *
   * @param arn the ARN of the grantee, checked by `arnOf`
   */
  grantWrite(grantee: IGrantable, arn: string): void {
    const right = {
      grantee,
      actions: ['secretsmanager:DescribeSecret', ...writing],
      resourceArns: [this.secretArn],
    };
    if (this.isOurs) {
      this.policy.allowWriter(arn);
      const options = { ...right, resource: this.resourceWithPolicy() };
      // Secrets Manager refuses an ARN that does not exist, for example without its path. Otherwise only the Deny would name it.
      if (elementsIn(this, arn).length === 0) {
        Grant.addToPrincipalAndResource(options);
      } else {
        Grant.addToPrincipalOrResource(options);
      }
    } else if (!Grant.addToPrincipal(right).success || isIgnored(unwrapped(grantee))) {
      this.warnAboutWriter(arn);
    }
    if (this.keyArn !== undefined) {
      Grant.addToPrincipal({
        grantee,
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resourceArns: [this.keyArn],
        conditions: this.viaSecretsManager(),
      });
    }
  }

  private allowDecrypt(role: Role, keyArn: string | undefined): void {
    if (keyArn !== undefined) {
      role.addToPolicy(
        new PolicyStatement({
          actions: ['kms:Decrypt'],
          resources: [keyArn],
          conditions: this.viaSecretsManager(),
        }),
      );
    }
  }

  private viaSecretsManager() {
    return { StringEquals: { 'kms:ViaService': viaService(this, 'secretsmanager') } };
  }

  private resourceWithPolicy(): IResourceWithPolicyV2 {
    const { account, region } = Stack.of(this);
    return {
      env: { account, region },
      addToResourcePolicy: (statement) => {
        this.policy.document.addStatements(statement);
        return { statementAdded: true, policyDependable: this };
      },
    };
  }

  private warnAboutPolicy(): void {
    Annotations.of(this).addWarningV2(
      'fegora-token-broker:existing-secret',
      `The secret of account ${this.node.id} exists already: its resource policy stays as its owner set it. Ask the owner to deny reading to all other roles.`,
    );
  }

  private warnAboutWriter(arn: string): void {
    Annotations.of(this).addWarningV2(
      'fegora-token-broker:existing-secret-administrator',
      `The secret of account ${this.node.id} exists already: ${arn} gets no right to set it or to use its key. Ask its owner to grant both.`,
    );
  }
}

import { Annotations, Lazy, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import {
  AnyPrincipal,
  Effect,
  Grant,
  type IGrantable,
  type IResourceWithPolicyV2,
  PolicyDocument,
  PolicyStatement,
  type Role,
} from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { CfnResourcePolicy, CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { viaService } from './key.ts';
import { arnsOf } from './principal.ts';

/** Where the credentials of one account are kept. */
export interface AccountSecretProps {
  /** The broker's key, for a secret that is made here. */
  readonly key: Key;
  /** The broker's role: the only principal that may read. */
  readonly role: Role;
  /**
   * Complete ARN of an existing secret.
   *
   * @default - a secret is made, without any value
   */
  readonly secretArn?: string | undefined;
  /**
   * ARN of the customer key that the existing secret is encrypted with.
   *
   * @default - it is encrypted with the key of AWS, which asks for no grant
   */
  readonly secretKeyArn?: string | undefined;
}

/** Reading, and copying to a region where this policy is not. */
const reading = ['secretsmanager:GetSecretValue', 'secretsmanager:ReplicateSecretToRegions'];
/** Setting a new value, and making an old one current again. */
const writing = ['secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'];

/** The secret of one account, its policy, and the broker's right to read it. */
export class AccountSecret extends Construct {
  /** Complete ARN. */
  readonly secretArn: string;
  /** How long the ARN can be once CloudFormation has made it. Characters. */
  readonly longestArn: number;
  /** Whether it is made here, its policy with it. */
  private readonly isOurs: boolean;
  /** The customer key of an existing secret. */
  private readonly keyArn: string | undefined;
  private readonly policy = new PolicyDocument();
  private readonly writers: string[] = [];

  constructor(scope: Construct, id: string, props: AccountSecretProps) {
    super(scope, id);
    const { key, role, secretArn, secretKeyArn } = props;
    this.isOurs = secretArn === undefined;
    this.keyArn = secretKeyArn;
    if (secretArn === undefined) {
      const secret = this.createSecret(key);
      this.secretArn = secret.ref;
      this.longestArn = longestMadeArn(secret);
      this.deny('ReadingForTheBrokerAlone', reading, [role.roleArn]);
      letRead(role, this.secretArn, key.keyArn);
    } else {
      this.secretArn = secretArn;
      this.longestArn = secretArn.length;
      this.warnOfForeignPolicy();
      letRead(role, this.secretArn, secretKeyArn);
    }
  }

  /**
   * Lets a principal set the credentials, and from the first such grant on nobody else, unless they change the policy of
   * the secret first. Nobody gets the right to read. The policy of an existing secret is not ours: there, only the
   * grantee's own is changed, and synth warns where that cannot be.
   */
  grantWrite(grantee: IGrantable): void {
    const arns = arnsOf(this, grantee);
    const right = {
      grantee,
      actions: ['secretsmanager:DescribeSecret', 'secretsmanager:PutSecretValue'],
      resourceArns: [this.secretArn],
    };
    if (this.isOurs) {
      this.admitWriters(arns);
      Grant.addToPrincipalOrResource({ ...right, resource: this.policyHolder() });
    } else if (!Grant.addToPrincipal(right).success) {
      this.warnOfForeignWriter(arns);
    }
    if (this.keyArn !== undefined) {
      Grant.addToPrincipal({
        grantee,
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resourceArns: [this.keyArn],
        conditions: viaSecretsManager(),
      });
    }
  }

  private admitWriters(arns: readonly string[]): void {
    if (this.writers.length === 0) {
      const writers = Lazy.list({ produce: () => this.writers });
      this.deny('WritingForAdministratorsAlone', writing, writers);
    }
    this.writers.push(...arns);
  }

  private policyHolder(): IResourceWithPolicyV2 {
    return {
      env: Stack.of(this).env,
      addToResourcePolicy: (statement) => {
        this.policy.addStatements(statement);
        return { statementAdded: true, policyDependable: this };
      },
    };
  }

  /** The L2 construct would fill the secret with a random value, which would then be tried as a password. */
  private createSecret(key: Key): CfnSecret {
    const secret = new CfnSecret(this, 'Resource', {
      description: `Fegora credentials of account ${this.node.id}: {"username","password"}`,
      kmsKeyId: key.keyArn,
    });
    secret.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'Only Fegora can change the password, so nothing here could rotate it by itself.',
    });
    const policy = new CfnResourcePolicy(this, 'Policy', {
      secretId: secret.ref,
      blockPublicPolicy: true,
      resourcePolicy: this.policy,
    });
    // A secret that is kept must not become readable by being kept.
    policy.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    return secret;
  }

  private deny(sid: string, actions: string[], except: string[]): void {
    this.policy.addStatements(
      new PolicyStatement({
        sid,
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions,
        // In its own policy this is the secret, by whatever form of its ARN it is asked for.
        resources: ['*'],
        conditions: { ArnNotEquals: { 'aws:PrincipalArn': except } },
      }),
    );
  }

  private warnOfForeignPolicy(): void {
    Annotations.of(this).addWarningV2(
      'fegora-token-broker:existing-secret',
      `The secret of account ${this.node.id} exists already: its resource policy stays its owner's, so nothing here keeps others from reading it.`,
    );
  }

  private warnOfForeignWriter(arns: readonly string[]): void {
    Annotations.of(this).addWarningV2(
      'fegora-token-broker:existing-secret-administrator',
      `The secret of account ${this.node.id} exists already: ${arns.join(', ')} gets no right to set it from here, nor to use its key. Its owner has to give both.`,
    );
  }
}

function letRead(role: Role, secretArn: string, keyArn: string | undefined): void {
  role.addToPolicy(new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secretArn] }));
  if (keyArn !== undefined) {
    role.addToPolicy(
      new PolicyStatement({
        actions: ['kms:Decrypt'],
        resources: [keyArn],
        conditions: viaSecretsManager(),
      }),
    );
  }
}

function viaSecretsManager() {
  return { StringEquals: { 'kms:ViaService': viaService('secretsmanager') } };
}

const longestPrefix = 'arn:aws-us-gov:secretsmanager:ap-southeast-1:123456789012:secret:';

/** CloudFormation names a secret by its logical id and 12 characters; Secrets Manager adds 6 more to the ARN. */
function longestMadeArn(secret: CfnSecret): number {
  return longestPrefix.length + Stack.of(secret).getLogicalId(secret).length + '-'.length + 12 + '-'.length + 6;
}

// Creates the one KMS key of a broker and says who may use it. Called by token-broker.ts, table.ts and secrets.ts.
import { Annotations, Aws, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  AccountPrincipal,
  AccountRootPrincipal,
  Grant,
  type IGrantable,
  PolicyDocument,
  PolicyStatement,
} from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import type { Construct, IConstruct } from 'constructs';

/** Every action that an administrator of a key needs. None of them can read encrypted data. */
const administration = [
  'CancelKeyDeletion',
  'CreateAlias',
  'DeleteAlias',
  'DescribeKey',
  'DisableKey',
  'DisableKeyRotation',
  'EnableKey',
  'EnableKeyRotation',
  'GetKeyPolicy',
  'GetKeyRotationStatus',
  'ListGrants',
  'ListKeyPolicies',
  'ListKeyRotations',
  'ListResourceTags',
  'PutKeyPolicy',
  'RetireGrant',
  'RevokeGrant',
  'RotateKeyOnDemand',
  'ScheduleKeyDeletion',
  'TagResource',
  'UntagResource',
  'UpdateAlias',
  'UpdateKeyDescription',
].map((action) => `kms:${action}`);

/**
 * The KMS actions that a principal needs to read and write an encrypted table through DynamoDB.
 *
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
 */
export const tableKeyActions = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];

/** Settings of the key. */
export interface KeyProps {
  /**
   * A key of the user.
   *
   * @default - a new key
   */
  readonly encryptionKey?: IKey | undefined;
  /**
   * What happens to the new key when the stack is deleted. A key of the user always stays.
   *
   * @default - CloudFormation keeps the key
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
}

/**
 * Returns the value of `kms:ViaService` for KMS calls that a service makes for a principal, in the region of the broker. The
 * statement can be in a stack of another region, where `AWS::Region` is that of the other stack.
 */
export function viaService(broker: IConstruct, service: 'dynamodb' | 'secretsmanager'): string {
  return `${service}.${Stack.of(broker).region}.${Aws.URL_SUFFIX}`;
}

/**
 * Returns the key that encrypts the secrets and the table: the key of the user, with the statements that the broker
 * needs, or a new one. IAM policies can administer the new key. IAM policies can also allow its use, but only through
 * Secrets Manager and DynamoDB: no IAM policy can allow a direct `kms:Decrypt`.
 *
 * CloudFormation keeps the key when the stack is deleted, because the secrets and the table are kept too. If the first
 * deployment fails, CloudFormation deletes the key.
 */
export function createKey(scope: Construct, { encryptionKey, removalPolicy }: KeyProps): IKey {
  if (encryptionKey !== undefined) {
    allowUse(scope, encryptionKey);
    return encryptionKey;
  }
  return new Key(scope, 'Key', {
    description: `${Stack.of(scope).stackName}: Fegora credentials and tokens`,
    enableKeyRotation: true,
    // AWS bills each of the first two rotations like a second key. An administrator can rotate at any time.
    rotationPeriod: Duration.days(2560),
    policy: new PolicyDocument({ statements: [administerByIam(), ...useThroughServices(scope)] }),
    removalPolicy: removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
}

/**
 * Lets a principal use the key through Secrets Manager, which it needs to set credentials. Synth warns if the stack can
 * change neither the policy of the principal nor that of the key.
 */
export function grantKeyForSecrets(scope: Construct, key: IKey, grantee: IGrantable): void {
  const conditions = { StringEquals: { 'kms:ViaService': viaService(scope, 'secretsmanager') } };
  Grant.addToPrincipalOrResource({
    grantee,
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    resourceArns: [key.keyArn],
    resourceSelfArns: ['*'],
    conditions,
    resource: {
      env: key.env,
      addToResourcePolicy: (statement) => {
        // Older versions of aws-cdk-lib leave the conditions out of the policy of a resource.
        statement.addConditions(conditions);
        const result = key.addToResourcePolicy(statement);
        if (!result.statementAdded) {
          warnAboutAdministrator(scope, grantee);
        }
        return result;
      },
    },
  });
}

function warnAboutAdministrator(scope: Construct, { grantPrincipal }: IGrantable): void {
  Annotations.of(scope).addWarningV2(
    'fegora-token-broker:imported-key-administrator',
    `${String(grantPrincipal)} gets no right to use the imported key, so it cannot set credentials. Ask the owner of the key to allow it kms:Decrypt and kms:GenerateDataKey through Secrets Manager.`,
  );
}

/**
 * Adds the statements to the policy of a key of the user. The CDK cannot change the policy of an imported key. Most
 * such keys let IAM policies decide and need no statement, but the CDK cannot read that either, so synth warns.
 */
function allowUse(scope: Construct, key: IKey): void {
  const results = useThroughServices(scope).map((statement) => key.addToResourcePolicy(statement));
  if (!results.every(({ statementAdded }) => statementAdded)) {
    Annotations.of(scope).addWarningV2(
      'fegora-token-broker:imported-key',
      'The stack cannot change the policy of the imported key. Check that it lets IAM policies allow the use of the key, or add the statements UseByIamThroughServices and LetServicesHoldGrants of docs/operations.md to it.',
    );
  }
}

/**
 * Returns the statement that lets IAM policies decide who administers a key. In the policy of a key, the resource `*`
 * is the key itself and has no other name.
 */
function administerByIam(): PolicyStatement {
  return new PolicyStatement({
    sid: 'AdministerByIam',
    principals: [new AccountRootPrincipal()],
    actions: administration,
    resources: ['*'],
  });
}

/** The key can be in a stack of another AWS account, so the statements name the account of the broker. */
function useThroughServices(broker: IConstruct): PolicyStatement[] {
  const principals = [new AccountPrincipal(Stack.of(broker).account)];
  const resources = ['*'];
  const services = [viaService(broker, 'dynamodb'), viaService(broker, 'secretsmanager')];
  const viaServices = { 'kms:ViaService': services };
  return [
    new PolicyStatement({
      sid: 'UseByIamThroughServices',
      principals,
      actions: tableKeyActions,
      resources,
      conditions: { StringEquals: viaServices },
    }),
    new PolicyStatement({
      sid: 'LetServicesHoldGrants',
      principals,
      actions: ['kms:CreateGrant'],
      resources,
      conditions: { StringEquals: viaServices, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    }),
  ];
}

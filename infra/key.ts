import { Aws, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccountRootPrincipal, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** Everything an administrator needs to keep a key alive, and nothing that reads what it encrypts. */
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
 * What DynamoDB asks of the principal on whose behalf it reads and writes an encrypted table.
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

/** The value of `kms:ViaService` for calls that a service of this region makes on a principal's behalf. */
export function viaService(service: 'dynamodb' | 'secretsmanager'): string {
  return `${service}.${Aws.REGION}.${Aws.URL_SUFFIX}`;
}

/**
 * The one key, for secrets and table. Its policy lets IAM administer it and lets IAM hand out its use through
 * Secrets Manager and DynamoDB alone: no policy can give anyone a bare `kms:Decrypt`. Kept when the stack goes, since
 * whatever it encrypts is kept too; not when a first deployment fails and there is nothing to keep.
 */
export function createKey(scope: Construct): Key {
  return new Key(scope, 'Key', {
    description: `${Stack.of(scope).stackName}: Fegora credentials and tokens`,
    enableKeyRotation: true,
    policy: keyPolicy(),
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
}

/** Lets IAM say who keeps the key alive. In a key policy the resource is the key, and `*` the only way to say so. */
export function administerByIam(): PolicyStatement {
  return new PolicyStatement({
    sid: 'AdministerByIam',
    principals: [new AccountRootPrincipal()],
    actions: administration,
    resources: ['*'],
  });
}

function keyPolicy(): PolicyDocument {
  const principals = [new AccountRootPrincipal()];
  const resources = ['*'];
  const viaServices = { 'kms:ViaService': [viaService('dynamodb'), viaService('secretsmanager')] };
  return new PolicyDocument({
    statements: [
      administerByIam(),
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
    ],
  });
}

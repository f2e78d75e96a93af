// Creates the key that encrypts the histories of a workflow. Called by invoicing.ts.
import { Aws, RemovalPolicy } from 'aws-cdk-lib';
import { AccountRootPrincipal, PolicyDocument, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** What an administrator of the key needs. None of these actions can read encrypted data. */
const administration = [
  'CancelKeyDeletion',
  'DescribeKey',
  'DisableKey',
  'DisableKeyRotation',
  'EnableKey',
  'EnableKeyRotation',
  'GetKeyPolicy',
  'GetKeyRotationStatus',
  'ListResourceTags',
  'PutKeyPolicy',
  'ScheduleKeyDeletion',
  'TagResource',
  'UntagResource',
  'UpdateKeyDescription',
].map((action) => `kms:${action}`);

/** The actions with which a role reads and writes what the key encrypts. */
export const useActions = ['kms:Decrypt', 'kms:GenerateDataKey'];

/**
 * Returns the key. IAM policies decide who administers and who uses it. In the policy of a key, the resource `*` is the
 * key itself and has no other name.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
 */
export function createHistoryKey(scope: Construct): Key {
  const principals = [new AccountRootPrincipal()];
  const resources = ['*'];
  return new Key(scope, 'Key', {
    description: 'Histories of an example workflow',
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.DESTROY,
    policy: new PolicyDocument({
      statements: [
        new PolicyStatement({ sid: 'AdministerByIam', principals, actions: administration, resources }),
        new PolicyStatement({ sid: 'UseByIam', principals, actions: useActions, resources }),
        deliverLogs(),
      ],
    }),
  });
}

function deliverLogs(): PolicyStatement {
  // The encryption context of all logs of this AWS account and region. The asterisk is a literal part of it.
  const logsArn = `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:*`;
  return new PolicyStatement({
    sid: 'DeliverLogs',
    principals: [new ServicePrincipal('delivery.logs.amazonaws.com')],
    actions: ['kms:Decrypt'],
    resources: ['*'],
    conditions: { StringEquals: { 'kms:EncryptionContext:SourceArn': logsArn } },
  });
}

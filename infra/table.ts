import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { tableKeyActions, viaService } from './key.ts';

/** Every action that reads or writes items. Describe, update, delete and policy actions stay with IAM. */
const itemActions = [
  'BatchGetItem',
  'BatchWriteItem',
  'ConditionCheckItem',
  'DeleteItem',
  'GetItem',
  'PartiQLDelete',
  'PartiQLInsert',
  'PartiQLSelect',
  'PartiQLUpdate',
  'PutItem',
  'Query',
  'Scan',
  'UpdateItem',
].map((action) => `dynamodb:${action}`);

/** The only things the function does to the table. */
const brokerActions = ['dynamodb:GetItem', 'dynamodb:UpdateItem'];

/**
 * The shared token table: key `account`, on demand, encrypted with our key, and readable by the broker alone, even
 * where IAM says otherwise, while its policy stands. No stream and no backups: both would be copies of tokens, and a
 * restored item would bring back leases and marks that have had their day.
 */
export function createTable(scope: Construct, key: Key, role: Role): Table {
  const table = new Table(scope, 'Table', {
    partitionKey: { name: 'account', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    encryption: TableEncryption.CUSTOMER_MANAGED,
    encryptionKey: key,
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  Validations.of(table).acknowledge({
    id: 'AwsSolutions-DDB3',
    reason: 'No backups on purpose: a restored item would bring back spent leases and old tokens.',
  });
  table.addToResourcePolicy(
    new PolicyStatement({
      sid: 'ItemsForTheBrokerAlone',
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: itemActions,
      // A table's own policy cannot name the table that it is made with.
      resources: ['*'],
      conditions: { ArnNotEquals: { 'aws:PrincipalArn': role.roleArn } },
    }),
  );
  role.addToPolicy(new PolicyStatement({ actions: brokerActions, resources: [table.tableArn] }));
  role.addToPolicy(
    new PolicyStatement({
      actions: tableKeyActions,
      resources: [key.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': viaService('dynamodb') } },
    }),
  );
  return table;
}

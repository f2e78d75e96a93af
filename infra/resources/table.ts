// Creates the token table and the rights of the broker on it. Called by token-broker.ts.
import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { dueIndex } from '../../lambda/aws/due/due-index.ts';
import { acknowledge } from '../acknowledge.ts';
import { tableKeyActions, viaService } from './key.ts';

/** Every action that reads or writes items. IAM policies decide about describe, update, delete and policy actions. */
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

/**
 * The actions that copy the items of a table, and that the policy of the table can deny. A copy has no such policy.
 * `UpdateContinuousBackups` is not denied: CloudFormation switches point-in-time recovery with it, and what that keeps can
 * neither be restored nor exported. CloudFormation calls none of these actions for a table without a Kinesis stream.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html
 */
const copyActions = [
  'CreateBackup',
  'EnableKinesisStreamingDestination',
  'ExportTableToPointInTime',
  'RestoreTableToPointInTime',
].map((action) => `dynamodb:${action}`);

/** The key of the table, and the only principal that may use its items. */
export interface TableProps {
  readonly key: IKey;
  /** The role of the broker. */
  readonly role: Role;
  /**
   * What happens to the table when the stack is deleted.
   *
   * @default - CloudFormation keeps the table
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
  /** Whether the table has the index of the accounts whose warm-up is due. */
  readonly isIndexed: boolean;
}

/** The only actions of the function on the table. */
const brokerActions = ['dynamodb:GetItem', 'dynamodb:UpdateItem'];

/**
 * Creates the shared token table: partition key `account`, on-demand billing, encrypted with the key of the broker. The key
 * of an item is the id of an account, or `user#` with the hash of a Fegora user. The policy of the table denies its items,
 * and copies of them, to every other principal, even if an IAM policy allows them.
 *
 * The table has no stream and no backups, because both are copies of tokens. A restored item would also bring back old
 * leases and old rejections of credentials.
 */
export function createTable(scope: Construct, { key, role, removalPolicy, isIndexed }: TableProps): Table {
  const table = new Table(scope, 'Table', {
    partitionKey: { name: 'account', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    encryption: TableEncryption.CUSTOMER_MANAGED,
    encryptionKey: key,
    deletionProtection: removalPolicy !== RemovalPolicy.DESTROY,
    removalPolicy: removalPolicy ?? RemovalPolicy.RETAIN,
    // Older versions of aws-cdk-lib silently ignore statements that are added later.
    resourcePolicy: new PolicyDocument({ statements: [denyOthers(role)] }),
  });
  acknowledge(table, {
    id: 'AwsSolutions-DDB3',
    reason: 'No backups on purpose: a restored item would bring back old leases and old tokens.',
  });
  role.addToPolicy(new PolicyStatement({ actions: brokerActions, resources: [table.tableArn] }));
  role.addToPolicy(
    new PolicyStatement({
      actions: tableKeyActions,
      resources: [key.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': viaService(scope, 'dynamodb') } },
    }),
  );
  if (isIndexed) {
    addDueIndex(table, role);
  }
  return table;
}

/**
 * Adds the index of the accounts whose warm-up is due: only keys, so no token is in it. CloudFormation adds it to a table in
 * use, without a replacement, and waits until it is built before it updates the function.
 */
function addDueIndex(table: Table, role: Role): void {
  table.addGlobalSecondaryIndex({
    indexName: dueIndex,
    partitionKey: { name: 'due_shard', type: AttributeType.STRING },
    sortKey: { name: 'due_at', type: AttributeType.NUMBER },
    projectionType: ProjectionType.KEYS_ONLY,
  });
  role.addToPolicy(
    new PolicyStatement({ actions: ['dynamodb:Query'], resources: [`${table.tableArn}/index/${dueIndex}`] }),
  );
}

function denyOthers(role: Role): PolicyStatement {
  return new PolicyStatement({
    sid: 'ItemsForTheBrokerAlone',
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    actions: [...itemActions, ...copyActions],
    // The policy is created together with the table, so it cannot refer to the table.
    resources: ['*'],
    conditions: { ArnNotEquals: { 'aws:PrincipalArn': role.roleArn } },
  });
}

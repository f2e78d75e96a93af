// Creates a state machine that issues invoices with tokens of the broker. Called by example-stack.ts.
import { Aws, RemovalPolicy } from 'aws-cdk-lib';
import { AccountRootPrincipal, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import { administerByIam } from '../resources/key.ts';
import { invoicingDefinition } from './invoicing-definition.ts';

/** The functions that the workflow calls, by their aliases. */
export interface InvoicingProps {
  /** The broker's alias of the account. The owner of the broker grants the right to invoke it. */
  readonly token: IAlias;
  /** Issues one invoice. */
  readonly worker: IAlias;
}

/**
 * A workflow that issues many invoices. Its history contains no token and is encrypted with its own key. Its log
 * contains no data.
 *
 * The workflow is a `CfnStateMachine`. The CDK's construct `StateMachine` would let the role use the key only for a
 * state machine with a given name, and CloudFormation chooses the name (docs/decisions/0023).
 */
export class Invoicing extends Construct {
  readonly role: Role;

  constructor(scope: Construct, id: string, { token, worker }: InvoicingProps) {
    super(scope, id);
    const key = createKey(this);
    const log = new LogGroup(this, 'Log', { retention: RetentionDays.ONE_MONTH });
    this.role = createRole(this, key);
    worker.grantInvoke(this.role);
    const stateMachine = new CfnStateMachine(this, 'Resource', {
      stateMachineType: 'STANDARD',
      definitionString: JSON.stringify(invoicingDefinition({ token: token.functionArn, worker: worker.functionArn })),
      roleArn: this.role.roleArn,
      encryptionConfiguration: {
        type: 'CUSTOMER_MANAGED_KMS_KEY',
        kmsKeyId: key.keyArn,
        kmsDataKeyReusePeriodSeconds: 300,
      },
      loggingConfiguration: {
        level: 'ALL',
        includeExecutionData: false,
        destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: log.logGroupArn } }],
      },
    });
    stateMachine.node.addDependency(this.role);
    const noTracing = 'The history has what a trace would have. X-Ray would need a right on *.';
    acknowledge(
      stateMachine,
      { id: 'AwsSolutions-SF2', reason: noTracing },
      { id: 'Serverless-StepFunctionStateMachineXray', reason: noTracing },
    );
  }
}

/** @see https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html */
function createKey(scope: Construct): Key {
  const use = { actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: ['*'] };
  const logsArn = `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:*`;
  return new Key(scope, 'Key', {
    description: 'Histories of an example workflow',
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.DESTROY,
    policy: new PolicyDocument({
      statements: [
        administerByIam(),
        new PolicyStatement({ sid: 'UseByIam', principals: [new AccountRootPrincipal()], ...use }),
        new PolicyStatement({
          sid: 'DeliverLogs',
          principals: [new ServicePrincipal('delivery.logs.amazonaws.com')],
          actions: ['kms:Decrypt'],
          resources: ['*'],
          // The encryption context of all logs of this AWS account and region. The asterisk is a literal part of it.
          conditions: { StringEquals: { 'kms:EncryptionContext:SourceArn': logsArn } },
        }),
      ],
    }),
  });
}

function createRole(scope: Construct, key: Key): Role {
  const role = new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('states.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  });
  role.addToPolicy(new PolicyStatement({ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [key.keyArn] }));
  role.addToPolicy(new PolicyStatement({ sid: 'LogDelivery', actions: logDelivery, resources: ['*'] }));
  acknowledge(role, {
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'The actions with which Step Functions sets up the delivery of logs do not support resources.',
  });
  return role;
}

/** @see https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html */
const logDelivery = [
  'CreateLogDelivery',
  'DeleteLogDelivery',
  'DescribeLogGroups',
  'DescribeResourcePolicies',
  'GetLogDelivery',
  'ListLogDeliveries',
  'PutResourcePolicy',
  'UpdateLogDelivery',
].map((action) => `logs:${action}`);

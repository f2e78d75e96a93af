// Creates a state machine that issues invoices with requests to Fegora. Called by invoicing-stack.ts.
import { Aws, Duration, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnStateMachine, StateGraph } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { createHistoryKey, useActions } from './history-key';
import { type InvoicingStates, invoicingStates } from './invoicing-definition';

/** What the workflow sends its requests with. */
export type InvoicingProps = InvoicingStates;

/**
 * A workflow that issues an invoice. Its history contains no token and is encrypted with its own key. Its log contains no
 * data.
 *
 * The workflow is a `CfnStateMachine`. The CDK's construct `StateMachine` would let the role use the key only for a
 * state machine with a given name, and here CloudFormation chooses the name.
 */
export class Invoicing extends Construct {
  readonly stateMachineArn: string;

  constructor(scope: Construct, id: string, states: InvoicingProps) {
    super(scope, id);
    const key = createHistoryKey(this);
    const log = new LogGroup(this, 'Log', { retention: RetentionDays.ONE_MONTH });
    const role = createRole(this, key);
    const graph = new StateGraph(invoicingStates(this, states), 'The workflow');
    graph.timeout = Duration.hours(1);
    for (const statement of graph.policyStatements) {
      role.addToPolicy(statement);
    }
    const stateMachine = new CfnStateMachine(this, 'Resource', {
      stateMachineType: 'STANDARD',
      definitionString: Stack.of(this).toJsonString(graph.toGraphJson()),
      roleArn: role.roleArn,
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
    stateMachine.node.addDependency(role);
    this.stateMachineArn = stateMachine.attrArn;
    const noTracing = 'The history has what a trace would have. X-Ray would need a right on *.';
    Validations.of(stateMachine).acknowledge(
      { id: 'AwsSolutions-SF2', reason: noTracing },
      { id: 'Serverless-StepFunctionStateMachineXray', reason: noTracing },
    );
  }
}

function createRole(scope: Construct, key: IKey): Role {
  const role = new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('states.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  });
  role.addToPolicy(new PolicyStatement({ actions: useActions, resources: [key.keyArn] }));
  role.addToPolicy(new PolicyStatement({ sid: 'LogDelivery', actions: logDelivery, resources: ['*'] }));
  Validations.of(role).acknowledge({
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

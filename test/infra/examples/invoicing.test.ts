// Tests the example workflow and its definition (infra/examples/invoicing.ts and invoicing-definition.ts).
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { invoicingDefinition } from '../../../infra/examples/invoicing-definition.ts';
import { asJson, statementsOf } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

const examples = templateOf('examples');
const statements = statementsOf(examples);

describe('the state machine', () => {
  const [machine] = Object.values(examples.findResources('AWS::StepFunctions::StateMachine'));

  test('the workflow is of type STANDARD, is encrypted with its own key, and logs no data', () => {
    examples.hasResourceProperties('AWS::StepFunctions::StateMachine', {
      StateMachineType: 'STANDARD',
      StateMachineName: Match.absent(),
      EncryptionConfiguration: {
        Type: 'CUSTOMER_MANAGED_KMS_KEY',
        KmsKeyId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^InvoicingKey'), 'Arn'] },
      },
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
    });
  });

  test('the workflow can use its key although CloudFormation chooses its name', () => {
    const use = statements.find(
      ({ logicalId, actions }) => logicalId.startsWith('InvoicingRoleDefaultPolicy') && actions.includes('kms:Decrypt'),
    );
    expect(use).toMatchObject({
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [expect.stringMatching(/^\{InvoicingKey\w+\.Arn\}$/)],
      condition: '',
    });
  });

  test('the workflow lets the log delivery service decrypt only the logs of this AWS account', () => {
    expect(statements.filter(({ sid }) => sid === 'DeliverLogs')).toMatchObject([
      {
        principals: ['delivery.logs.amazonaws.com'],
        actions: ['kms:Decrypt'],
        condition:
          'StringEquals=kms:EncryptionContext:SourceArn=arn:{AWS::Partition}:logs:{AWS::Region}:{AWS::AccountId}:*',
      },
    ]);
  });

  test('the workflow is created after the policy of its role', () => {
    expect(machine?.DependsOn).toEqual(expect.arrayContaining([expect.stringMatching(/^InvoicingRoleDefaultPolicy/)]));
  });

  test('the workflow equals the definition, without retries that the CDK adds', () => {
    const [first, token, between, worker, last] = Object.values(
      asJson(asJson(machine?.Properties).DefinitionString),
    ).flatMap((join) => (Array.isArray(join) ? join[1] : []));
    expect([token, worker]).toEqual([
      { 'Fn::ImportValue': expect.stringContaining('Aliasaccountmain') },
      { Ref: expect.stringMatching(/^DirectCallerAliaslive/) },
    ]);
    expect(`${first}TOKEN${between}WORKER${last}`).toBe(
      JSON.stringify(invoicingDefinition({ token: 'TOKEN', worker: 'WORKER' })),
    );
  });

  test('the workflow invokes the alias, not API Gateway, whose integration is unsigned by default', () => {
    const resources = JSON.stringify(machine).match(/:states:::[\w:.]+|NO_AUTH/g);
    expect(resources).toBeNull();
  });

  test('the workflow requests only metadata, and never retries rejected credentials or calls that may have reached Fegora', () => {
    const { EnsureToken, IssueInvoices } = invoicingDefinition({ token: 'TOKEN', worker: 'WORKER' }).States;
    expect(EnsureToken.Parameters.want).toBe('metadata');
    const retried = EnsureToken.Retry.flatMap(({ ErrorEquals }) => ErrorEquals);
    expect(retried).not.toContain('CredentialsRejected');
    expect(retried).not.toContain('States.ALL');
    const byWorker = IssueInvoices.ItemProcessor.States.IssueInvoice.Retry.flatMap(({ ErrorEquals }) => ErrorEquals);
    expect(byWorker).toEqual(expect.arrayContaining(['UpstreamUnavailable', 'Lambda.TooManyRequestsException']));
    for (const name of ['CredentialsRejected', 'TokenBrokerError', 'Lambda.ServiceException', 'States.ALL']) {
      expect(byWorker).not.toContain(name);
    }
  });
});

import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { invoicingDefinition } from '../../../infra/examples/invoicing-definition.ts';
import { asJson, statementsOf } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

const examples = templateOf('examples');
const statements = statementsOf(examples);

function rightsOf(logicalIdPrefix: string): string[] {
  return statements
    .filter(({ logicalId }) => logicalId.startsWith(`${logicalIdPrefix}DefaultPolicy`))
    .flatMap(({ actions, resources }) =>
      actions.flatMap((action) => resources.map((resource) => `${action} ${resource}`)),
    )
    .filter((right) => /^(lambda|execute-api):/.test(right));
}

test('each caller has the right on one account, in the way it calls, and the denied probe has none', () => {
  const paths = [expect.stringMatching(/\/v1\/POST\/token$/), expect.stringMatching(/\/v1\/POST\/token\/main$/)];
  const alias = expect.stringMatching(/^lambda:InvokeFunction .*Aliasaccountmain/);
  expect(rightsOf('ApiCallerRole')).toEqual(paths);
  expect(rightsOf('PermittedProbeFunctionRole')).toEqual(paths);
  expect(rightsOf('DirectCallerRole')).toEqual([alias]);
  expect(rightsOf('InvoicingRole')).toEqual(expect.arrayContaining([alias]));
  expect(rightsOf('DeniedProbeFunctionRole')).toEqual([]);
});

describe('the state machine', () => {
  const [machine] = Object.values(examples.findResources('AWS::StepFunctions::StateMachine'));

  test('is a standard one, encrypted with its own key, and logs no data', () => {
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

  test('may use its key without being named', () => {
    const use = statements.find(
      ({ logicalId, actions }) => logicalId.startsWith('InvoicingRoleDefaultPolicy') && actions.includes('kms:Decrypt'),
    );
    expect(use).toMatchObject({
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [expect.stringMatching(/^\{InvoicingKey\w+\.Arn\}$/)],
      condition: '',
    });
  });

  test('lets the delivery of logs decrypt those of this account alone', () => {
    expect(statements.filter(({ sid }) => sid === 'DeliverLogs')).toMatchObject([
      {
        principals: ['delivery.logs.amazonaws.com'],
        actions: ['kms:Decrypt'],
        condition:
          'StringEquals=kms:EncryptionContext:SourceArn=arn:{AWS::Partition}:logs:{AWS::Region}:{AWS::AccountId}:*',
      },
    ]);
  });

  test('is made when its role has all of its rights', () => {
    expect(machine?.DependsOn).toEqual(expect.arrayContaining([expect.stringMatching(/^InvoicingRoleDefaultPolicy/)]));
  });

  test('is what the definition says, with no retry added by anybody', () => {
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

  test('reaches the broker by its alias, not by API Gateway, whose integration is unsigned unless told otherwise', () => {
    const resources = JSON.stringify(machine).match(/:states:::[\w:.]+|NO_AUTH/g);
    expect(resources).toBeNull();
  });

  test('asks for no token, and retries neither a refused password nor what may have reached Fegora', () => {
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

test('schedules and workflows of this AWS account alone take on the roles that are made for them', () => {
  const trusts = statements.filter(({ principals }) => /^(states|scheduler)\.amazonaws\.com$/.test(principals.join()));
  expect(trusts.map(({ actions }) => actions)).toEqual(Array.from({ length: 3 }, () => ['sts:AssumeRole']));
  for (const { condition } of trusts) {
    expect(condition).toMatch(/^StringEquals=aws:SourceAccount=\{AWS::AccountId\}/);
  }
});

describe('probes', () => {
  test('are called every 5 minutes, once each time', () => {
    examples.resourceCountIs('AWS::Scheduler::Schedule', 2);
    examples.allResourcesProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(5 minutes)',
      Target: Match.objectLike({ RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 } }),
    });
  });

  test('expect one a token and the other a refusal', () => {
    for (const expected of ['token', 'forbidden']) {
      examples.hasResourceProperties('AWS::Lambda::Function', {
        Environment: { Variables: { EXPECTED_OUTCOME: expected, FEGORA_ACCOUNT: 'main' } },
      });
    }
  });

  test('ring when they end otherwise, and when they are silent', () => {
    for (const [metric, missing, threshold] of [
      ['Errors', 'notBreaching', 2],
      ['Invocations', 'breaching', 1],
    ] as const) {
      const alarms = examples.findResources('AWS::CloudWatch::Alarm', {
        Properties: { MetricName: metric, TreatMissingData: missing, Threshold: threshold, Period: 900 },
      });
      expect(Object.keys(alarms)).toHaveLength(2);
    }
  });
});

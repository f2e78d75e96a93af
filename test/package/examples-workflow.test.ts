// The example step-functions: its stack, made from the tarball, and the definition of its workflow.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asJson, type Statement, statementsOf } from '../infra/support/statements.ts';
import { type Exception, isUsed, wildcards } from '../infra/support/wildcards.ts';
import { invoicingGraph } from '../support/invoicing.ts';
import { contextOf, logStreams, otherBroker, rightsOf, startExample, synthesise } from './example.ts';
import { openWorkshop, type Project, type Workshop } from './project.ts';

const tokenAlias = `${otherBroker.functionArn}:account-main`;
let workshop: Workshop;
let project: Project;
let template: Template;
let statements: readonly Statement[];
let machine: Readonly<Record<string, unknown>>;
beforeAll(async () => {
  workshop = await openWorkshop();
  project = await startExample(workshop, 'step-functions');
  template = await synthesise(project, await contextOf(project, otherBroker));
  statements = statementsOf(template);
  machine = asJson(Object.values(template.findResources('AWS::StepFunctions::StateMachine')).at(0));
});
afterAll(() => workshop.close());

test('promise 53: the example compiles and synthesises, the workflow can only send requests, and only they get the token', () => {
  expect(rightsOf('RequestsFunctionRole', statements)).toEqual([`lambda:InvokeFunction ${tokenAlias}`]);
  expect(rightsOf('InvoicingRole', statements)).toEqual([
    expect.stringMatching(/^lambda:InvokeFunction \{RequestsFunctionAliasaccountmain\w+\}$/),
  ]);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Handler: 'requests.handler',
    Environment: { Variables: { FEGORA_BROKER_FUNCTION: otherBroker.functionArn } },
  });
});

test('cdk-nag checks the example in every synth, and finds a rule that no one has acknowledged', async () => {
  const invoicing = join(project.folder, 'out/lib/invoicing.js');
  const source = await readFile(invoicing, 'utf8');
  await project.write({ 'out/lib/invoicing.js': source.replace(/\{ id: 'AwsSolutions-SF2'.*\}/, '') });
  const CDK_CONTEXT_JSON = await contextOf(project, otherBroker);
  const synth = project.run('node', ['out/bin/step-functions.js'], { CDK_OUTDIR: 'broken', CDK_CONTEXT_JSON });
  await expect(synth).rejects.toThrow('AwsSolutions-SF2');
});

test.each(['functionArn', 'apiId'])(
  'the example says which option of the command is missing without %s',
  async (name) => {
    const CDK_CONTEXT_JSON = await contextOf(project, { ...otherBroker, [name]: undefined });
    const synth = project.run('node', ['out/bin/step-functions.js'], { CDK_OUTDIR: 'broken', CDK_CONTEXT_JSON });
    await expect(synth).rejects.toThrow(
      `Name the broker: add -c functionArn=<ARN> -c apiId=<id>, as in the README. ${name} is missing.`,
    );
  },
);

test('no policy has a wildcard without a reason, and each reason is needed', () => {
  expect(statements.length).toBeGreaterThanOrEqual(10);
  expect(statements.flatMap((statement) => wildcards(statement, exceptions))).toEqual([]);
  expect(exceptions.filter((exception) => !isUsed(exception, statements))).toEqual([]);
});

const exceptions: readonly Exception[] = [
  logStreams,
  {
    type: 'AWS::KMS::Key',
    effect: 'Allow',
    element: 'resource',
    value: /^\*$/,
    reason: 'in the policy of a key, `*` is the key itself and has no other name',
  },
  {
    type: 'AWS::IAM::Policy',
    effect: 'Allow',
    element: 'resource',
    sid: 'LogDelivery',
    value: /^\*$/,
    reason: 'the actions with which Step Functions sets up the delivery of logs do not support resources',
  },
  {
    type: 'AWS::KMS::Key',
    effect: 'Allow',
    element: 'condition',
    sid: 'DeliverLogs',
    value: /^StringEquals=kms:EncryptionContext:SourceArn=arn:[^*]+:logs:[^*]+:\*$/,
    reason:
      'StringEquals compares literally: the asterisk is part of the encryption context of the logs of one account',
  },
];

test('only workflows of this AWS account can assume the role of the workflow', () => {
  expect(statements.filter(({ principals }) => principals.includes('states.amazonaws.com'))).toMatchObject([
    { actions: ['sts:AssumeRole'], condition: 'StringEquals=aws:SourceAccount={AWS::AccountId}' },
  ]);
});

describe('the state machine', () => {
  test('the workflow is of type STANDARD, is encrypted with its own key, and logs no data', () => {
    template.hasResourceProperties('AWS::StepFunctions::StateMachine', {
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
    expect(machine.DependsOn).toEqual(expect.arrayContaining([expect.stringMatching(/^InvoicingRoleDefaultPolicy/)]));
  });

  test('the workflow has the states that the tests of the workflow run', async () => {
    const joined = asJson(asJson(machine.Properties).DefinitionString)['Fn::Join'];
    const parts: unknown[] = Array.isArray(joined) ? joined[1] : [];
    const references = parts.filter((part) => typeof part !== 'string');
    expect(new Set(references.map((part) => JSON.stringify(part))).size).toBe(1);
    expect(references[0]).toEqual({ Ref: expect.stringMatching(/^RequestsFunctionAliasaccountmain/) });
    const { TimeoutSeconds, ...states } = JSON.parse(
      parts.map((part) => (typeof part === 'string' ? part : 'ALIAS')).join(''),
    );
    expect(states).toEqual(await invoicingGraph('main', 'ALIAS'));
    expect(TimeoutSeconds).toBe(3600);
  });

  test('the workflow invokes the alias, not API Gateway, whose integration is unsigned by default', () => {
    const resources = JSON.stringify(machine).match(/:states:::[\w:.]+|NO_AUTH/g);
    expect(resources).toBeNull();
  });
});

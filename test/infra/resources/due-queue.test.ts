// Tests the index, the queue and the tick of accounts that are kept warm while they are in use (due-queue.ts, table.ts, warmup.ts).
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { DueQueue } from '../../../infra/resources/due-queue.ts';
import { parseSettings } from '../../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../../infra/stack.ts';
import { parseConfig } from '../../../lambda/config.ts';
import { asJson, propertiesOf, resourcesOf, statementsOf } from '../support/statements.ts';
import { bundle, createApp, templateOf } from '../support/synth.ts';

const minimal = templateOf('minimal');
const settings = {
  accounts: { main: {}, cold: { keepWarm: false }, tienda: { keepWarm: 'in-use' } },
  warmUpsAtOnce: 40,
};
const inUse = Template.fromStack(
  new TokenBrokerStack(createApp(), 'DueStack', {
    ...parseSettings({ due: settings }, 'due'),
    code: Code.fromAsset(bundle),
  }),
);

describe('promise 64: the index of what is due', () => {
  test('has keys only, so that no token is in it', () => {
    inUse.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [{ AttributeName: 'account', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'due',
          KeySchema: [
            { AttributeName: 'due_shard', KeyType: 'HASH' },
            { AttributeName: 'due_at', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    });
  });

  test('is added to the table in place, under the same logical id and with the same keys', () => {
    const tableIn = (template: Template) =>
      Object.entries(resourcesOf(template)).find(([, { Type }]) => Type === 'AWS::DynamoDB::Table');
    const [before, after] = [tableIn(minimal), tableIn(inUse)];
    const { GlobalSecondaryIndexes, AttributeDefinitions, ...rest } = asJson(asJson(after?.[1]).Properties);

    expect(after?.[0]).toBe(before?.[0]);
    expect(GlobalSecondaryIndexes).toHaveLength(1);
    expect(AttributeDefinitions).toHaveLength(3);
    expect(Object.keys(asJson(asJson(before?.[1]).Properties))).toEqual(expect.arrayContaining(Object.keys(rest)));
  });

  test('may be queried by the function only, and nothing else of it is allowed', () => {
    const [right, ...others] = statementsOf(inUse).filter(
      ({ effect, actions }) => effect === 'Allow' && actions.includes('dynamodb:Query'),
    );

    expect(others).toEqual([]);
    expect(right?.actions).toEqual(['dynamodb:Query']);
    expect(right?.resources).toEqual([expect.stringMatching(/\{BrokerTable\w+\.Arn\}\/index\/due$/)]);
    const denial = statementsOf(inUse).find(({ sid }) => sid === 'DataForTheFunctionAlone');
    expect(denial?.actions).toContain('dynamodb:Query');
  });
});

describe('promise 64: the queue', () => {
  test('gives five messages at a time to the warm-up alias, with a cap, and takes back single messages', () => {
    inUse.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 5,
      FunctionName: { 'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp('warmup')])] },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 8 },
    });
  });

  test('keeps a message for a tick, and a dead letter for two weeks', () => {
    inUse.hasResourceProperties('AWS::SQS::Queue', {
      MessageRetentionPeriod: 240,
      VisibilityTimeout: 60,
      SqsManagedSseEnabled: true,
      RedrivePolicy: { maxReceiveCount: 3 },
    });
    inUse.hasResourceProperties('AWS::SQS::Queue', {
      MessageRetentionPeriod: 1_209_600,
      RedrivePolicy: Match.absent(),
    });
  });

  test.each([
    [1, 240],
    [10, 600],
  ])('of ticks every %i minutes keeps a message for %i s, so that three receptions fit', (minutes, seconds) => {
    const stack = new Stack();
    const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    new DueQueue(stack, 'DueQueue', { role, every: Duration.minutes(minutes) });

    Template.fromStack(stack).hasResourceProperties('AWS::SQS::Queue', { MessageRetentionPeriod: seconds });
  });

  test('has an alarm for its dead letters', () => {
    inUse.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Threshold: 1,
      Dimensions: [{ Value: { 'Fn::GetAtt': [Match.stringLikeRegexp('DeadLetters'), 'QueueName'] } }],
    });
  });

  test('may be used by the role of the function only for what it needs, on this queue only', () => {
    const rights = statementsOf(inUse).filter(
      ({ effect, actions }) => effect === 'Allow' && actions.some((action) => action.startsWith('sqs:')),
    );

    expect(rights).toHaveLength(1);
    expect(rights[0]?.actions.toSorted()).toEqual([
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:ReceiveMessage',
      'sqs:SendMessage',
    ]);
    expect(rights[0]?.resources).toEqual([expect.stringMatching(/^\{BrokerDueQueue(?!DeadLetters)\w+\.Arn\}$/)]);
  });
});

test('promise 64: a schedule of its own sends what is due, without the accounts that are always or never kept warm', () => {
  const inputs = propertiesOf('AWS::Scheduler::Schedule', inUse).map(({ Target }) => asJson(Target).Input);
  expect(inputs.toSorted()).toEqual(['{"accounts":["main"]}', '{"due":true,"except":["main","cold"]}']);
});

test('a stack without accounts in use has no index, no queue and no second schedule', () => {
  expect(JSON.stringify(minimal.toJSON())).not.toMatch(
    /due_at|AWS::SQS|"due"|WARMUP_QUEUE_URL|dynamodb:Query"\],"Effect":"Allow/,
  );
});

test('the function gets the URL of the queue, which it accepts', () => {
  const [{ Environment } = {}] = propertiesOf('AWS::Lambda::Function', inUse);
  expect(asJson(asJson(Environment).Variables).WARMUP_QUEUE_URL).toEqual({ Ref: expect.stringMatching(/DueQueue/) });
  const env = { FEGORA_ACCOUNTS: '{"a":"s"}', TOKEN_TABLE_NAME: 'tokens' };
  const url = 'https://sqs.eu-west-1.amazonaws.com/111111111111/Stack-BrokerDueQueue0A1B2C3D-aBcDeFgH';
  expect(parseConfig({ ...env, WARMUP_QUEUE_URL: url })).toMatchObject({ config: { warmupQueue: url } });
});

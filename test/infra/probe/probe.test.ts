// Tests the probe that users put into their stacks (infra/probe/probe.ts), and where its bundle is (bundles.ts).
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { expect, test } from 'vitest';
import { bundles, codeIn } from '../../../infra/bundles.ts';
import { BrokerProbe, type BrokerProbeProps, TokenBroker } from '../../../infra/index.ts';
import { statementsOf } from '../support/statements.ts';
import { arns, createApp } from '../support/synth.ts';
import { code, createBroker, env } from '../support/user-app.ts';

function build(propsOf: (stack: Stack) => Partial<BrokerProbeProps> = () => ({})) {
  const app = createApp();
  const broker = createBroker(new Stack(app, 'Broker', { env }));
  const stack = new Stack(app, 'Stack', { env });
  const probe = new BrokerProbe(stack, 'Probe', { broker, account: 'main', code: code(), ...propsOf(stack) });
  return { stack, probe, template: Template.fromStack(stack) };
}

/** Returns the actions on the broker that the role of the probe may do. */
function rightsIn(template: Template): string[] {
  return statementsOf(template)
    .filter(({ logicalId }) => logicalId.startsWith('ProbeFunctionRoleDefaultPolicy'))
    .flatMap(({ actions }) => actions.filter((action) => /^(lambda|execute-api):/.test(action)));
}

test('the probe has the right and the variables to get a token from the API by default', () => {
  const { template } = build();
  expect(rightsIn(template)).toEqual(['execute-api:Invoke']);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: { EXPECTED_OUTCOME: 'token', FEGORA_BROKER_ACCOUNT: 'main', FEGORA_BROKER_ENDPOINT: Match.anyValue() },
    },
  });
});

test('the probe has the right and the variables to invoke the broker when via is invoke', () => {
  const { template } = build(() => ({ via: 'invoke' }));
  expect(rightsIn(template)).toEqual(['lambda:InvokeFunction']);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: { FEGORA_BROKER_FUNCTION: Match.anyValue() } },
  });
});

test('the probe has the variables and no right when it expects a refusal', () => {
  const { template } = build(() => ({ expected: 'forbidden' }));
  expect(rightsIn(template)).toEqual([]);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: { EXPECTED_OUTCOME: 'forbidden', FEGORA_BROKER_ENDPOINT: Match.anyValue() } },
  });
});

test('the schedule and the periods of the alarms follow from the time between two calls', () => {
  const { template } = build(() => ({ every: Duration.minutes(10) }));
  template.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(10 minutes)' });
  template.allResourcesProperties('AWS::CloudWatch::Alarm', { Period: 1_800 });
});

test.each([30, 90, 8 * 3600 + 60])('the probe refuses to run every %d seconds', (seconds) => {
  expect(() => build(() => ({ every: Duration.seconds(seconds) }))).toThrow('every: must be whole minutes');
});

test.each(['token', 'forbidden'] as const)(
  'a probe that expects %s cannot use a private API, because it is in no VPC',
  (expected) => {
    const imported = (stack: Stack) =>
      TokenBroker.fromAttributes(stack, 'Private', {
        functionArn: 'arn:aws:lambda:us-east-1:111111111111:function:broker',
        apiId: 'abcde12345',
        accounts: ['main'],
        isPrivate: true,
      });
    expect(() => build((stack) => ({ broker: imported(stack), expected }))).toThrow(
      'Stack/Probe cannot reach the private API of the broker, because a probe is in no VPC: set via to invoke',
    );
    expect(() => build((stack) => ({ broker: imported(stack), expected, via: 'invoke' }))).not.toThrow();
  },
);

test('both alarms go to the topic, and the probe shows them', () => {
  const { stack, probe, template } = build((scope) => ({ alarmTopic: Topic.fromTopicArn(scope, 'Topic', arns.topic) }));
  template.allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: [arns.topic], OKActions: [arns.topic] });
  expect(stack.resolve([probe.wrongOutcome.alarmName, probe.silence.alarmName])).toEqual([
    { Ref: expect.stringMatching(/^ProbeWrong/) },
    { Ref: expect.stringMatching(/^ProbeSilent/) },
  ]);
});

test('the bundles are in the folder that the build writes', () => {
  const paths = Object.values(bundles).map((path) => path.split('/').slice(-2).join('/'));
  expect(paths).toEqual(['dist/lambda', 'dist/probe']);
});

test('a bundle that is not there is an error that says what to do, and not one of the CDK', () => {
  expect(() => codeIn(`${bundles.probe}-absent`)).toThrow(
    /^the package has no bundle in .*: in a clone, run npm run build/,
  );
});

// Tests what a state and a target of a rule refuse, and that they work from another stack (infra/requests/task.ts, alias-elsewhere.ts).
import { Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Rule } from 'aws-cdk-lib/aws-events';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Chain, DefinitionBody, JsonPath, StateMachine, Timeout } from 'aws-cdk-lib/aws-stepfunctions';
import { expect, test } from 'vitest';
import { FegoraRequests, type FegoraTaskProps, TokenBroker } from '../../../infra/index.ts';
import { statementsOf } from '../support/statements.ts';
import { createApp } from '../support/synth.ts';
import { code, env } from '../support/user-app.ts';

function build() {
  const app = createApp();
  const stack = new Stack(app, 'Stack', { env });
  const functionArn = 'arn:aws:lambda:us-east-1:111111111111:function:broker';
  const broker = TokenBroker.fromAttributes(stack, 'Broker', { functionArn, apiId: 'abcde12345', accounts: ['one'] });
  const deadLetterQueue = new Queue(stack, 'Failed', { enforceSSL: true });
  const requests = new FegoraRequests(stack, 'Requests', { broker, code: code(), deadLetterQueue });
  return { stack, requests, other: new Stack(app, 'Other', { env }) };
}

const issue = { account: 'one', method: 'POST', path: '/dte', body: JsonPath.objectAt('$.documento') } as const;

test.each([
  undefined,
  ['States.ALL'],
  ['States.TaskFailed'],
  ['Lambda.Unknown'],
  ['Lambda.AnotherException'],
  ['FegoraUnavailable', 'FegoraOutcomeUnknown'],
  ['FegoraAnswerTooLarge'],
])('promise 53: a POST takes no retry of the user for %j, and a GET does', (errors) => {
  const { stack, requests } = build();
  const post = requests.task(stack, 'Post', issue);
  const get = requests.task(stack, 'Get', { account: 'one', method: 'GET', path: '/dte' });

  expect(() => post.addRetry(errors && { errors })).toThrow(/^Stack\/Post: a POST must not be repeated after [SLF]/);
  expect(() => get.addRetry(errors && { errors })).not.toThrow();
});

test('a POST takes a retry for errors of the broker', () => {
  const { stack, requests } = build();
  const errors = ['Paused', 'LoginBudget', 'Lambda.TooManyRequestsException'];
  expect(() => requests.task(stack, 'Post', issue).addRetry({ errors })).not.toThrow();
});

test.each([[Timeout.duration(Duration.seconds(59))], [Timeout.at('$.seconds')]])(
  'promise 53: a POST does not end before the function that sends it: %j',
  (taskTimeout) => {
    const { stack, requests } = build();
    expect(() => requests.task(stack, 'Post', { ...issue, taskTimeout })).toThrow(
      'Stack/Post: taskTimeout: must be known at synth and not under the time of the function, 60 s',
    );
    expect(() => requests.task(stack, 'Get', { ...issue, method: 'PUT', taskTimeout })).not.toThrow();
  },
);

test.each([
  [{ method: 'GET', body: {} }, 'body: is not for GET'],
  [{ body: '<a/>' }, 'body: is a text: name its type in the header content-type'],
  [{ body: 7 }, 'body: must be a text, an object or a list'],
  [{ query: 'a=1' }, 'query: must be an object, or an expression that makes one'],
] as const)('what the function would refuse is refused at synth: %j', (wrong, fault) => {
  const { stack, requests } = build();
  const state = (props: Partial<FegoraTaskProps>) => requests.task(stack, 'Task', { ...issue, ...props });
  expect(() => state(wrong)).toThrow(`Stack/Task: ${fault}`);
});

test.each([
  [{ body: '<a/>', headers: { 'Content-Type': 'application/xml' } }],
  [{ body: '{% $states.input %}', query: '{% {} %}' }],
  [{ body: [1] }],
  [{ body: null }],
])('a body that can be right passes synth: %j', (right) => {
  const { stack, requests } = build();
  expect(() => requests.task(stack, 'Task', { ...issue, ...right })).not.toThrow();
});

/** Synthesises a workflow in another stack. Without a request, it has only what stays. */
function workflowElsewhere(isUsed: boolean) {
  const { stack, requests, other } = build();
  if (isUsed) {
    const start = Chain.start(requests.task(other, 'First', issue)).next(requests.task(other, 'Second', issue));
    new StateMachine(other, 'Machine', { definitionBody: DefinitionBody.fromChainable(start) });
  }
  return { own: Template.fromStack(stack).toJSON(), other: Template.fromStack(other) };
}

test('promise 53: a state of another stack may invoke the alias only, and can be taken out in one deployment', () => {
  const { own, other } = workflowElsewhere(true);
  const rights = statementsOf(other).filter(({ actions }) => actions.includes('lambda:InvokeFunction'));

  expect(rights.flatMap(({ resources }) => resources)).toEqual([
    expect.stringMatching(/RequestsFunction\w+:account-one$/),
  ]);
  expect(own.Outputs).toEqual(workflowElsewhere(false).own.Outputs);
});

test('a rule of another stack is refused with a reason', () => {
  const { requests, other } = build();
  const targets = [requests.target('one', { method: 'PATCH', path: '/dte' })];
  expect(() => new Rule(other, 'Rule', { eventPattern: { source: ['shop'] }, targets })).toThrow(
    'Other/Rule is in another stack than Stack/Requests: create FegoraRequests in the stack of the rule',
  );
});

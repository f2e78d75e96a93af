// Tests the construct FegoraRequests (infra/requests/): its rights, its states and its targets.
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { EventField, Rule } from 'aws-cdk-lib/aws-events';
import { ArnPrincipal, Group } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  DefinitionBody,
  type IChainable,
  JsonPath,
  QueryLanguage,
  StateMachine,
  type TaskStateBase,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { describe, expect, test } from 'vitest';
import { FegoraRequests, type FegoraRequestsProps, type FegoraTaskProps, TokenBroker } from '../../../infra/index.ts';
import { transientErrors, unknownOutcomes } from '../../../infra/requests/error-names.ts';
import { parseEvent } from '../../../infra/requests/function/event.ts';
import { errorCodes } from '../../../lambda/errors.ts';
import { asJson, propertiesOf, statementsOf } from '../support/statements.ts';
import { arns, createApp } from '../support/synth.ts';
import { code, createBroker, createFunction, env, importVpc } from '../support/user-app.ts';

const functionArn = 'arn:aws:lambda:us-east-1:111111111111:function:broker';

/** Requests for the accounts `one` and `two` of an imported broker with three. */
function build(propsOf: (stack: Stack) => Partial<FegoraRequestsProps> = () => ({})) {
  const app = createApp();
  const stack = new Stack(app, 'Stack', { env });
  const attributes = { functionArn, apiId: 'abcde12345', accounts: ['one', 'two', 'three'] };
  const broker = TokenBroker.fromAttributes(stack, 'Broker', attributes);
  const props = { broker, accounts: ['one', 'two'], code: code(), ...propsOf(stack) };
  return { app, stack, requests: new FegoraRequests(stack, 'Requests', props) };
}

/** What a role may do, as `action resource`. */
function rightsOf(template: Template, logicalId: string): string[] {
  return statementsOf(template)
    .filter((one) => one.logicalId.startsWith(logicalId) && one.type === 'AWS::IAM::Policy')
    .flatMap(({ effect, actions, resources }) =>
      actions.flatMap((action) => resources.map((resource) => `${effect} ${action} ${resource}`)),
    );
}

/** The states of a workflow that consists of these. */
function statesOf(stack: Stack, start: IChainable, queryLanguage?: QueryLanguage) {
  const definitionBody = DefinitionBody.fromChainable(start);
  const machine = new StateMachine(stack, 'Machine', { definitionBody, ...(queryLanguage && { queryLanguage }) });
  const [{ DefinitionString } = {}] = propertiesOf('AWS::StepFunctions::StateMachine', Template.fromStack(stack));
  const text = asJson(DefinitionString)['Fn::Join'];
  const parts: unknown[] = Array.isArray(text) ? text[1] : [];
  const joined = parts.map((part) => (typeof part === 'string' ? part : Object(part).Ref)).join('');
  return { machine, states: Object(JSON.parse(joined)).States };
}

describe('rights', () => {
  test('promise 53: the role may invoke the aliases of its accounts and write its log, and nothing else', () => {
    const rights = rightsOf(Template.fromStack(build().stack), 'RequestsFunctionRole');

    expect(rights.sort()).toEqual([
      `Allow lambda:InvokeFunction ${functionArn}:account-one`,
      `Allow lambda:InvokeFunction ${functionArn}:account-two`,
      expect.stringMatching(/^Allow logs:CreateLogStream \{RequestsFunctionLog\w+\.Arn\}:\*$/),
      expect.stringMatching(/^Allow logs:PutLogEvents \{RequestsFunctionLog\w+\.Arn\}:\*$/),
    ]);
  });

  test('the function has the broker, the log level FATAL, and an alias for each account that repeats nothing', () => {
    const { stack } = build(() => ({ origin: 'https://example.org', timeout: Duration.minutes(2) }));
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Lambda::Function', {
      Handler: 'requests.handler',
      Timeout: 120,
      LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'FATAL' },
      Environment: { Variables: { FEGORA_BROKER_FUNCTION: functionArn, FEGORA_ORIGIN: 'https://example.org' } },
    });
    const requests = { FunctionName: { Ref: Match.stringLikeRegexp('^RequestsFunction') } };
    template.resourcePropertiesCountIs('AWS::Lambda::Alias', requests, 2);
    template.resourcePropertiesCountIs('AWS::Lambda::EventInvokeConfig', { ...requests, MaximumRetryAttempts: 0 }, 2);
  });

  test('promise 53: a grantee gets the alias of one account, also from another stack', () => {
    const { app, stack, requests } = build();
    const other = new Stack(app, 'Other', { env });
    requests.grantInvoke(createFunction(stack, 'Near'), 'one');
    requests.grantInvoke(createFunction(other, 'Far'), 'two');

    expect(rightsOf(Template.fromStack(stack), 'NearRole')).toEqual([
      expect.stringMatching(/^Allow lambda:InvokeFunction \{RequestsFunctionAliasaccountone\w+\}$/),
    ]);
    expect(rightsOf(Template.fromStack(other), 'FarRole')).toEqual([
      expect.stringMatching(/^Allow lambda:InvokeFunction .*RequestsFunction\w+:account-two$/),
    ]);
  });

  test('a grantee that is not one role or one user is refused, and an account that is not there', () => {
    const { stack, requests } = build();
    expect(() => requests.grantInvoke(new Group(stack, 'Group'), 'one')).toThrow('only a role or a user can');
    expect(() => requests.grantInvoke(new ArnPrincipal('*'), 'one')).toThrow('only a role or a user can');
    expect(() => requests.aliasOf('three')).toThrow('Stack/Requests has no account three: add it to the accounts');
  });

  test('promise 53: the role may invoke the aliases of all accounts of an own broker of another stack', () => {
    const app = createApp();
    const broker = createBroker(new Stack(app, 'Broker', { env }), { accounts: { one: {}, two: {} } });
    const stack = new Stack(app, 'Stack', { env });
    new FegoraRequests(stack, 'Requests', { broker, code: code() });
    const rights = rightsOf(Template.fromStack(stack), 'RequestsFunctionRole');

    expect(rights.filter((right) => right.includes('InvokeFunction'))).toEqual([
      expect.stringMatching(/:account-one$/),
      expect.stringMatching(/:account-two$/),
    ]);
  });

  test('the function can be in a VPC', () => {
    const { stack } = build((scope) => ({ vpc: importVpc(scope) }));
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      Handler: 'requests.handler',
      VpcConfig: { SubnetIds: ['subnet-private-a', 'subnet-private-b'] },
    });
  });
});

test.each([
  [{ accounts: ['one', 'four'] }, 'accounts: the broker has no account four'],
  [{ accounts: [] }, 'accounts: must have at least one account'],
  [{ accounts: ['one', 'one'] }, 'accounts: must not name an account twice'],
  [{ timeout: Duration.seconds(29) }, 'timeout: must be from 30 s to 15 minutes'],
  [{ timeout: Duration.minutes(16) }, 'timeout: must be from 30 s to 15 minutes'],
  [{ origin: 'http://api.fegora.com' }, 'origin: must be an https URL'],
  [{ origin: 'https://api.fegora.com/v1' }, 'origin: must be an https URL'],
  [{ origin: 'https://a@example.org' }, 'origin: must be an https URL'],
])('the props %j are refused', (props, fault) => {
  expect(() => build(() => props)).toThrow(fault);
});

const issue = { account: 'one', method: 'POST', path: '/dte', body: JsonPath.objectAt('$.documento') } as const;

describe('a state', () => {
  test('of JSONPath passes fields of its input, and the role of the workflow may invoke the alias only', () => {
    const { stack, requests } = build();
    const start = requests.task(stack, 'Issue', {
      ...issue,
      path: JsonPath.format('/cuentas/{}/dte', JsonPath.stringAt('$.cuenta')),
      query: { prueba: true, nit: JsonPath.stringAt('$.nit') },
      headers: { 'x-request-id': JsonPath.executionId },
      resultPath: '$.issued',
    });
    const { states } = statesOf(stack, start);

    expect(states.Issue).toMatchObject({
      Type: 'Task',
      Resource: expect.stringMatching(/^RequestsFunctionAliasaccountone/),
      Parameters: {
        method: 'POST',
        'path.$': "States.Format('/cuentas/{}/dte', $.cuenta)",
        query: { prueba: true, 'nit.$': '$.nit' },
        headers: { 'x-request-id.$': '$$.Execution.Id' },
        'body.$': '$.documento',
      },
      ResultPath: '$.issued',
      TimeoutSeconds: 75,
    });
    expect(rightsOf(Template.fromStack(stack), 'MachineRole')).toEqual([
      expect.stringMatching(/^Allow lambda:InvokeFunction \{RequestsFunctionAliasaccountone\w+\}$/),
    ]);
  });

  test('of JSONata passes its expressions, outputs and variables', () => {
    const { stack, requests } = build();
    const start = requests.task(stack, 'LookUp', {
      account: 'two',
      queryLanguage: QueryLanguage.JSONATA,
      method: 'GET',
      path: "{% '/dte/' & $states.input.id %}",
      query: '{% { "numeroTransaccion": $states.input.numero } %}',
      allow: [404],
      outputs: '{% $states.result.body %}',
      assign: { status: '{% $states.result.status %}' },
    });
    const { states } = statesOf(stack, start);

    expect(states.LookUp).toMatchObject({
      QueryLanguage: 'JSONata',
      Arguments: {
        method: 'GET',
        path: "{% '/dte/' & $states.input.id %}",
        query: '{% { "numeroTransaccion": $states.input.numero } %}',
        allow: [404],
      },
      Output: '{% $states.result.body %}',
      Assign: { status: '{% $states.result.status %}' },
    });
    expect(states.LookUp).not.toHaveProperty('Parameters');
  });

  test.each([
    ['GET', true],
    ['HEAD', true],
    ['PUT', true],
    ['DELETE', true],
    ['POST', false],
    ['PATCH', false],
  ] as const)('promise 53: %s repeats requests whose answer was lost: %s', (method, isRepeated) => {
    const { stack, requests } = build();
    const { states } = statesOf(stack, requests.task(stack, 'Task', { account: 'one', method, path: '/dte' }));
    const [retry, ...others] = states.Task.Retry;

    expect(others).toEqual([]);
    expect(retry).toMatchObject({ IntervalSeconds: 5, BackoffRate: 2, MaxAttempts: 4, JitterStrategy: 'FULL' });
    expect(retry.ErrorEquals).toEqual(expect.arrayContaining([...transientErrors]));
    const answered = ['FegoraOutcomeUnknown', 'FegoraAnswerTooLarge', 'States.DataLimitExceeded'];
    answered.push('States.QueryEvaluationError', 'States.ResultPathMatchFailure');
    const lost = unknownOutcomes.filter((name) => !answered.includes(name));
    expect(unknownOutcomes).toEqual(expect.arrayContaining(answered));
    expect(lost.map((name) => retry.ErrorEquals.includes(name))).toEqual(lost.map(() => isRepeated));
    for (const never of [
      'FegoraOutcomeUnknown',
      'FegoraRefused',
      'FegoraAnswerTooLarge',
      'CredentialsRejected',
      'States.ALL',
      'States.TaskFailed',
    ]) {
      expect(retry.ErrorEquals).not.toContain(never);
    }
  });

  test('has other attempts and another time-out if the user sets them', () => {
    const { stack, requests } = build();
    const start = requests.task(stack, 'Task', {
      ...issue,
      maxAttempts: 0,
      taskTimeout: Timeout.duration(Duration.minutes(2)),
    });
    const { states } = statesOf(stack, start);
    expect(states.Task).toMatchObject({ TimeoutSeconds: 120 });
    expect(states.Task).not.toHaveProperty('Retry');
  });

  test.each([
    [{ path: '//example.org' }, 'Stack/Task: path must begin with one slash'],
    [{ path: '/dte/../x' }, 'Stack/Task: path must not have the segments'],
    [{ path: '/token' }, 'Stack/Task: path must not be that of the token endpoint'],
    [{ headers: { Authorization: 'x' } }, 'Stack/Task: headers: Authorization is set by the function'],
    [{ allow: [500] }, 'Stack/Task: allow: must be statuses from 400 to 499'],
    [{ account: 'three' }, 'has no account three'],
    [{ method: JsonPath.stringAt('$.method') as 'GET' }, 'Stack/Task: method: must be GET'],
  ])('with %j is refused at synth', (wrong, fault) => {
    const { stack, requests } = build();
    const task = (props: Partial<FegoraTaskProps>): TaskStateBase =>
      requests.task(stack, 'Task', { ...issue, ...props });
    expect(() => task(wrong)).toThrow(fault);
  });
});

test('every code of the broker is repeated by a state, or stands here as one that is not', () => {
  const names = errorCodes().map((one) => one.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase()));
  const never = [
    ...['InvalidRequest', 'InvalidAccount', 'Forbidden', 'UnknownAccount', 'Internal', 'Configuration'],
    ...[
      'SecretMalformed',
      'SecretMissing',
      'DuplicateUser',
      'CredentialsMissing',
      'CredentialsRejected',
      'ClientRejected',
    ],
    ...['UpstreamContract', 'UpstreamRejected', 'UpstreamRedirect', 'UpstreamTls', 'UpstreamInvalidResponse'],
    // They usually last for longer than the retries of a state.
    ...['TooManyRefusals', 'LoginBudget', 'Paused'],
  ];
  expect([...never, ...transientErrors.filter((name) => names.includes(name))].sort()).toEqual([...names].sort());
});

describe('a target of a rule', () => {
  const withQueue = () => build((stack) => ({ deadLetterQueue: new Queue(stack, 'Failed', { enforceSSL: true }) }));

  test('sends a request for each event, and both kinds of failures go to the queue', () => {
    const { stack, requests } = withQueue();
    new Rule(stack, 'Rule', {
      eventPattern: { source: ['invoices'] },
      targets: [requests.target('one', { method: 'POST', path: '/dte', body: EventField.fromPath('$.detail') })],
    });
    const template = Template.fromStack(stack);
    const failed = { 'Fn::GetAtt': [Match.stringLikeRegexp('^Failed'), 'Arn'] };

    template.hasResourceProperties('AWS::Events::Rule', {
      Targets: [
        {
          Arn: { Ref: Match.stringLikeRegexp('^RequestsFunctionAliasaccountone') },
          DeadLetterConfig: { Arn: failed },
          InputTransformer: {
            InputPathsMap: { detail: '$.detail' },
            InputTemplate: '{"method":"POST","path":"/dte","body":<detail>}',
          },
          RetryPolicy: { MaximumEventAgeInSeconds: 3600 },
        },
      ],
    });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: failed } },
    });
    expect(rightsOf(template, 'RequestsFunctionRole').filter((right) => right.includes('sqs:'))).not.toEqual([]);
    // What EventBridge makes of an event is a request that the function takes.
    const sent = '{"method":"POST","path":"/dte","body":<detail>}'.replace('<detail>', '{"nit":"CF"}');
    expect(parseEvent(JSON.parse(sent), 'https://api.fegora.com')).toMatchObject({
      method: 'POST',
      body: '{"nit":"CF"}',
    });
  });

  test('lets the rule invoke the alias of its account only', () => {
    const { stack, requests } = withQueue();
    const targets = [requests.target('two', { method: 'DELETE', path: '/dte/1' })];
    new Rule(stack, 'Rule', { eventPattern: { source: ['invoices'] }, targets });
    const permissions = statementsOf(Template.fromStack(stack)).filter(
      ({ type, resources }) => type === 'AWS::Lambda::Permission' && /Requests/.test(resources.join()),
    );

    expect(permissions).toMatchObject([
      {
        principals: ['events.amazonaws.com'],
        resources: [expect.stringMatching(/^\{RequestsFunctionAliasaccounttwo\w+\}$/)],
        condition: expect.stringMatching(/^\{Rule\w+\.Arn\}$/),
      },
    ]);
  });

  test('needs a queue, an account that is there, and a request that the function takes', () => {
    const request = { method: 'POST', path: '/dte' } as const;
    expect(() => build().requests.target('one', request)).toThrow(
      'Stack/Requests has no queue for events that fail: set deadLetterQueue',
    );
    expect(() => withQueue().requests.target('three', request)).toThrow('has no account three');
    expect(() => withQueue().requests.target('one', { ...request, path: '/a?b' })).toThrow('target: path must begin');
  });
});

test('the alarms watch failed requests, unknown outcomes and throttles, and go to the topic', () => {
  const { stack, requests } = build((scope) => ({
    alarmTopic: Topic.fromTopicArn(scope, 'Topic', arns.topic),
  }));
  const template = Template.fromStack(stack);
  const alarms = propertiesOf('AWS::CloudWatch::Alarm', template).filter(
    ({ AlarmActions }) => AlarmActions !== undefined,
  );

  expect(alarms.map(({ MetricName, Statistic, Threshold }) => [MetricName, Statistic, Threshold]).sort()).toEqual([
    [undefined, undefined, 0.05],
    ['OutcomesUnknown', 'Sum', 1],
    ['Throttles', 'Sum', 1],
  ]);
  expect(stack.resolve(requests.requestsFail.alarmName)).toEqual({
    Ref: expect.stringMatching(/^RequestsRequestsFail/),
  });
  // An invocation without a line counts as failed: the function crashed, timed out or did not start.
  const ofFunction = { Ref: Match.stringLikeRegexp('^RequestsFunction') };
  const own = {
    Namespace: 'FegoraTokenBroker',
    MetricName: 'RequestsFailed',
    Dimensions: [{ Name: 'service', Value: ofFunction }],
  };
  const stat = (Metric: object, Stat: string) => ({ MetricStat: { Metric, Period: 180, Stat }, ReturnData: false });
  const invoked = {
    Namespace: 'AWS/Lambda',
    MetricName: 'Invocations',
    Dimensions: [{ Name: 'FunctionName', Value: ofFunction }],
  };
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    AlarmDescription: Match.stringLikeRegexp('Runbook: docs/operations.md'),
    DatapointsToAlarm: 3,
    EvaluationPeriods: 5,
    Metrics: Match.arrayWith([
      Match.objectLike({
        Expression: '(invocations + SUM([invocations, failed]) - SUM([invocations, ended])) / invocations',
      }),
      { Id: 'invocations', ...stat(invoked, 'Sum') },
      { Id: 'failed', ...stat(own, 'Sum') },
      { Id: 'ended', ...stat(own, 'SampleCount') },
    ]),
  });
});

// Tests a broker of another stack (infra/imported-broker.ts).
import { type Environment, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AccountPrincipal, ArnPrincipal, type IGrantable, Role, SessionTagsPrincipal, User } from 'aws-cdk-lib/aws-iam';
import { describe, expect, test } from 'vitest';
import { TokenBroker, type TokenBrokerAttributes } from '../../infra/index.ts';
import { propertiesOf, statementsOf } from './support/statements.ts';
import { arns, createApp } from './support/synth.ts';
import { createFunction, env } from './support/user-app.ts';
import { warningsOf } from './support/warnings.ts';

const otherAccount = 'arn:aws:iam::222222222222:';
const functionArn = 'arn:aws:lambda:us-east-1:111111111111:function:broker';

function build(more: Partial<TokenBrokerAttributes> = {}, environment: Environment = env) {
  const stack = new Stack(createApp(), 'Stack', { env: environment });
  const attributes = { functionArn, apiId: 'abcde12345', accounts: ['main', 'other'], defaultAccount: 'main', ...more };
  const broker = TokenBroker.fromAttributes(stack, 'Broker', attributes);
  return { stack, broker, fn: createFunction(stack, 'Caller') };
}

function rightsIn(stack: Stack) {
  return statementsOf(Template.fromStack(stack))
    .filter(({ logicalId }) => logicalId.startsWith('CallerRoleDefaultPolicy'))
    .flatMap(({ actions, resources }) => [...actions, ...resources]);
}

describe('fromAttributes', () => {
  test('fromAttributes derives name, address and aliases from the attributes', () => {
    const { stack, broker } = build();
    expect(broker.functionName).toBe('broker');
    expect(stack.resolve(broker.url)).toEqual({
      'Fn::Join': ['', ['https://abcde12345.execute-api.us-east-1.', { Ref: 'AWS::URLSuffix' }, '/v1/']],
    });
    expect(broker.aliasOf('main').functionArn).toBe(`${functionArn}:account-main`);
    expect(broker.aliasOf('main')).toBe(broker.aliasOf('main'));
    expect(build({ url: 'https://tokens.example.com/' }).broker.url).toBe('https://tokens.example.com/');
  });

  test('fromAttributes throws with all faults at once', () => {
    const faulty = {
      functionArn: `${functionArn}:http`,
      apiId: 'https://abc',
      accounts: ['Main'],
      defaultAccount: 'z',
    };
    expect(() => build(faulty)).toThrow(
      [
        'accounts.Main: the id must be up to 63 lower-case letters, digits and hyphens, with no hyphen at the start',
        'defaultAccount: must be one of the accounts',
        'functionArn: must be the ARN of a function, without an alias',
        'apiId: must be the id of the REST API, 10 lower-case letters and digits',
      ].join('\n'),
    );
  });
});

test('promise 60: fromAttributes throws for a broker of another partition, which takes no principal of this one', () => {
  const chinese = { functionArn: 'arn:aws-cn:lambda:cn-north-1:333333333333:function:broker' };
  expect(() => build(chinese)).toThrow('functionArn: is in the partition aws-cn, and the stack is in aws');
  expect(() => build(chinese, { account: '333333333333', region: 'cn-northwest-1' })).not.toThrow();
  expect(() => build(chinese, {})).not.toThrow();
});

describe('the metrics of an imported broker', () => {
  const alarm = { threshold: 1, evaluationPeriods: 1 };

  test('synth refuses an alarm on them in another region, where it would never have data', () => {
    const { stack, broker } = build({}, { ...env, region: 'us-west-2' });
    expect(() => broker.metricCalls().createAlarm(stack, 'Alarm', alarm)).toThrow("in 'us-east-1'");
  });

  test.each([
    ['another AWS account names the account of the broker', { ...env, account: '222222222222' }, env.account],
    ['the same AWS account names none', env, undefined],
    ['an unknown AWS account names none', {}, undefined],
  ])('an alarm on them in %s', (_, environment, account) => {
    const { stack, broker } = build({}, environment);
    broker.metricCalls().createAlarm(stack, 'Alarm', alarm);
    const [properties] = propertiesOf('AWS::CloudWatch::Alarm', Template.fromStack(stack));
    expect(properties?.Metrics).toEqual(account && [expect.objectContaining({ AccountId: account })]);
  });
});

describe('the grants of an imported broker', () => {
  test('grantToken gives a role the right on the paths of the API, the default path included', () => {
    const { stack, broker, fn } = build();
    broker.grantToken(fn, 'main');
    const api = 'arn:aws:execute-api:us-east-1:111111111111:abcde12345/v1/POST/token';
    expect(rightsIn(stack).sort()).toEqual([api, `${api}/main`, 'execute-api:Invoke']);
  });

  test.each([
    ['with a known environment', env],
    ['without one', {}],
  ])('grantInvoke gives a role the right on the alias, in a stack %s', (_, environment) => {
    const { stack, broker, fn } = build({}, environment);
    broker.grantInvoke(fn, 'other');
    expect(rightsIn(stack)).toEqual(['lambda:InvokeFunction', `${functionArn}:account-other`]);
    Template.fromStack(stack).resourceCountIs('AWS::Lambda::Permission', 0);
  });

  test('connect gives the right and sets the variables', () => {
    const { stack, broker, fn } = build();
    broker.connect(fn, 'main', { via: 'invoke' });
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: { FEGORA_BROKER_FUNCTION: functionArn, FEGORA_BROKER_ACCOUNT: 'main' } },
    });
  });

  test('connect throws if the client could not know the region: it is another one, and the host name does not tell it', () => {
    const url = 'https://tokens.example.com/';
    const { broker, fn } = build({ url }, { ...env, region: 'us-west-2' });
    expect(() => broker.connect(fn, 'main')).toThrow(
      "the host name of the API does not tell its region: call grantToken, and pass https://tokens.example.com/ and region: 'us-east-1' to createTokenClient",
    );
    expect(() => broker.connect(fn, 'main', { via: 'invoke' })).not.toThrow();
    for (const other of [build({ url }), build({}, { ...env, region: 'us-west-2' }), build({ url }, {})]) {
      expect(() => other.broker.connect(other.fn, 'main')).not.toThrow();
    }
  });

  test('the grants throw when the stack cannot change the policy of the grantee', () => {
    const { broker } = build();
    for (const grant of [broker.grantToken.bind(broker), broker.grantInvoke.bind(broker)]) {
      expect(() => grant(new ArnPrincipal(arns.directCaller), 'main')).toThrow(
        'grant the right in the stack of the broker',
      );
      expect(() => grant(new AccountPrincipal('111111111111'), 'main')).toThrow('a role or a user');
    }
  });

  test.each<[string, (stack: Stack) => IGrantable, Environment]>([
    ['a role of another AWS account', (stack) => Role.fromRoleArn(stack, 'R', arns.foreignCaller), env],
    ['a user of another AWS account', (stack) => User.fromUserArn(stack, 'U', `${otherAccount}user/bob`), env],
    [
      'an immutable role, in a stack without a known AWS account',
      (stack) => Role.fromRoleArn(stack, 'R', `${otherAccount}role/R`, { mutable: false }),
      {},
    ],
    [
      'a role of another AWS account with session tags',
      (stack) => new SessionTagsPrincipal(Role.fromRoleArn(stack, 'R', arns.foreignCaller)),
      env,
    ],
  ])('promise 60: the grants throw for %s, because they would have no effect', (_, grantee, environment) => {
    const { stack, broker } = build({}, environment);
    const principal = grantee(stack);
    expect(() => broker.grantToken(principal, 'main')).toThrow('grant the right in the stack of the broker');
    expect(() => broker.grantInvoke(principal, 'main')).toThrow('grant the right in the stack of the broker');
  });

  test('the grants throw when the attributes do not have the account', () => {
    const { broker, fn } = build();
    expect(() => broker.grantToken(fn, 'absent')).toThrow('no account absent');
    expect(() => broker.grantInvoke(fn, 'absent')).toThrow('no account absent');
  });

  test('grantToken takes every id that is well formed when the broker has open accounts, and grantInvoke only the listed ones', () => {
    const { stack, broker, fn } = build({ openAccounts: true, accounts: [], defaultAccount: undefined });
    broker.grantToken(fn, 'tienda-1');
    expect(rightsIn(stack)).toEqual([
      'execute-api:Invoke',
      'arn:aws:execute-api:us-east-1:111111111111:abcde12345/v1/POST/token/tienda-1',
    ]);
    expect(() => broker.grantToken(fn, 'tienda-1/*')).toThrow('no account');
    expect(() => broker.grantInvoke(fn, 'tienda-1')).toThrow('no account tienda-1');
    expect(() => build({ accounts: [], defaultAccount: undefined })).toThrow(
      'accounts: must have at least one account',
    );
  });

  test('grantToken warns when the API is private, because the policy of the API must name the caller too', () => {
    const { broker, fn } = build({ isPrivate: true });
    broker.grantToken(fn, 'main');
    expect(warningsOf(broker)).toEqual([expect.stringContaining('policy of a private API must name each caller')]);
  });

  test('the grants warn only when the broker is in another AWS account', () => {
    const foreign = build({ functionArn: functionArn.replace('111111111111', '222222222222') });
    foreign.broker.grantInvoke(foreign.fn, 'main');
    expect(warningsOf(foreign.broker)).toEqual([expect.stringContaining('must grant the right too')]);
    const { broker, fn } = build();
    broker.grantInvoke(fn, 'main');
    expect(warningsOf(broker)).toEqual([]);
  });
});

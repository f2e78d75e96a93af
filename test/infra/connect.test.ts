// Tests the connection of functions (infra/connect.ts).
import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { InterfaceVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import { Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { TokenBroker } from '../../infra/index.ts';
import { statementsOf } from './support/statements.ts';
import { createApp } from './support/synth.ts';
import { code, createFunction, env, importVpc } from './support/user-app.ts';

function build({ isPrivate = false } = {}) {
  const stack = new Stack(createApp(), 'Stack', { env });
  const endpoint = { vpcEndpointId: 'vpce-0123456789abcdef0', port: 443 };
  const broker = new TokenBroker(stack, 'Broker', {
    accounts: { main: {}, other: {} },
    code: code(),
    ...(isPrivate && {
      vpcEndpoints: [InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(stack, 'Endpoint', endpoint)],
    }),
  });
  return { stack, broker, fn: createFunction(stack, 'Caller') };
}

const arn = 'arn:aws:lambda:us-east-1:111111111111:function:caller';

/** Returns the rights of the role of the caller, each as an action and its resources. */
function rightsOfCaller(stack: Stack) {
  return statementsOf(Template.fromStack(stack))
    .filter(({ logicalId }) => logicalId.startsWith('CallerRoleDefaultPolicy'))
    .map(({ actions, resources }) => [...actions, ...resources]);
}

describe('connect', () => {
  test('connect gives the right on the API and sets the endpoint and the account by default', () => {
    const { stack, broker, fn } = build();
    broker.connect(fn, 'main');
    expect(rightsOfCaller(stack)).toEqual([['execute-api:Invoke', expect.stringMatching(/\/v1\/POST\/token\/main$/)]]);
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: {
          FEGORA_BROKER_ACCOUNT: 'main',
          FEGORA_BROKER_ENDPOINT: Match.anyValue(),
          FEGORA_BROKER_FUNCTION: Match.absent(),
        },
      },
    });
  });

  test('connect gives the right on the alias and sets the function and the account when via is invoke', () => {
    const { stack, broker, fn } = build();
    broker.connect(fn, 'other', { via: 'invoke' });
    expect(rightsOfCaller(stack)).toEqual([['lambda:InvokeFunction', expect.stringMatching(/Aliasaccountother/)]]);
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: {
          FEGORA_BROKER_ACCOUNT: 'other',
          FEGORA_BROKER_ENDPOINT: Match.absent(),
          FEGORA_BROKER_FUNCTION: { 'Fn::GetAtt': [Match.stringLikeRegexp('^BrokerFunction'), 'Arn'] },
        },
      },
    });
  });

  test('connect changes nothing when it is called again with the same values', () => {
    const { stack, broker, fn } = build();
    broker.connect(fn, 'main');
    broker.connect(fn, 'main', { via: 'api' });
    expect(rightsOfCaller(stack)).toHaveLength(1);
  });

  test.each([
    ['another account', 'other', 'api'],
    ['another way', 'main', 'invoke'],
  ] as const)('connect throws and says what to do when the function is connected to %s', (_, account, via) => {
    const { broker, fn } = build();
    broker.connect(fn, 'main');
    expect(() => broker.connect(fn, account, { via })).toThrow(
      'Stack/Caller is connected to account main of Stack/Broker via api, and a function has one connection. For another one, call grantToken or grantInvoke, and pass the options to createTokenClient',
    );
  });

  test('connect throws when the function is connected to another broker', () => {
    const { stack, broker, fn } = build();
    broker.connect(fn, 'main');
    const second = new TokenBroker(stack, 'Second', { accounts: { main: {} }, code: code() });
    expect(() => second.connect(fn, 'main')).toThrow('is connected to account main of Stack/Broker');
  });

  test('connect throws when the broker does not have the account, and sets no variable', () => {
    const { stack, broker, fn } = build();
    expect(() => broker.connect(fn, 'absent')).toThrow('no account absent');
    broker.connect(fn, 'main');
    expect(rightsOfCaller(stack)).toHaveLength(1);
  });

  test('connect throws when the API is private and the function is in no VPC', () => {
    const { broker, fn } = build({ isPrivate: true });
    expect(() => broker.connect(fn, 'main')).toThrow("or connect it with { via: 'invoke' }");
    expect(() => broker.connect(fn, 'main', { via: 'invoke' })).not.toThrow();
  });

  test.each([
    ['an alias', (fn: LambdaFunction) => fn.addAlias('live'), 'Stack/Caller/Aliaslive'],
    ['a version', (fn: LambdaFunction) => fn.currentVersion, 'Stack/Caller/CurrentVersion'],
    ['an imported function', (fn: LambdaFunction) => LambdaFunction.fromFunctionArn(fn.stack, 'I', arn), 'Stack/I'],
    ['nothing', () => undefined, 'undefined'],
  ])('connect throws for %s, which JavaScript lets through, and gives no right', (_, fnOf, name) => {
    const { stack, broker, fn } = build();
    // @ts-expect-error: TypeScript refuses the value
    expect(() => broker.connect(fnOf(fn), 'main')).toThrow(`${name} has no variables that connect could set: pass`);
    expect(rightsOfCaller(stack)).toEqual([]);
  });

  test('connect throws for a way that does not exist', () => {
    const { broker, fn } = build();
    // @ts-expect-error: TypeScript refuses the value
    expect(() => broker.connect(fn, 'main', { via: 'http' })).toThrow('via: must be api or invoke, and is http');
  });

  test('connect accepts a private API when the function is in a VPC', () => {
    const { stack, broker } = build({ isPrivate: true });
    const inVpc = new LambdaFunction(stack, 'InVpc', {
      code: code(),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      vpc: importVpc(stack),
    });
    expect(() => broker.connect(inVpc, 'main')).not.toThrow();
  });

  test('connect works for a function of another stack, whose template then refers to that of the broker', () => {
    const { stack, broker } = build();
    const other = new Stack(stack.node.root, 'Other', { env });
    broker.connect(createFunction(other, 'Caller'), 'main');
    expect(JSON.stringify(Template.fromStack(other).toJSON())).toContain('Fn::ImportValue');
    expect(JSON.stringify(Template.fromStack(stack).toJSON())).not.toContain('Fn::ImportValue');
  });
});

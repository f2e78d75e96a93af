// Tests grants to other stacks of an app, given and taken back (infra/grants/other-stack.ts).
import { type App, NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { InterfaceVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import { ArnPrincipal, Role, ServicePrincipal, SessionTagsPrincipal } from 'aws-cdk-lib/aws-iam';
import { Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { BrokerProbe, type TokenBrokerProps } from '../../../infra/index.ts';
import { refusedExports } from '../support/exports.ts';
import { statementsOf } from '../support/statements.ts';
import { arns, createApp } from '../support/synth.ts';
import { code, createBroker, createFunction, env, importVpc } from '../support/user-app.ts';
import { warningsOf } from '../support/warnings.ts';

/** Returns an app with a broker in one stack, and a caller in another one that can have grants. */
function build(more: Partial<TokenBrokerProps> = {}, callerEnv: { account?: string; region?: string } = env) {
  const app = createApp();
  const stack = new Stack(app, 'Broker', { env });
  const broker = createBroker(stack, { accounts: { main: {}, other: {} }, ...more });
  const callers = new Stack(app, 'Callers', { env: callerEnv });
  return { app, stack, broker, callers, caller: createFunction(callers, 'Caller') };
}

type Built = ReturnType<typeof build>;

function templatesOf({ stack, callers }: Pick<Built, 'stack' | 'callers'>) {
  return { broker: Template.fromStack(stack).toJSON(), callers: Template.fromStack(callers).toJSON() };
}

/** Returns a role that the stack knows by its ARN, so that policies of every stack can name it. */
function importRole(stack: Stack) {
  return Role.fromRoleArn(stack, 'Imported', arns.directCaller);
}

const forAdmin = 'grantAdmin for an imported role';

const uses: readonly (readonly [what: string, use: (built: Built) => void])[] = [
  ['grantToken', ({ broker, caller }) => broker.grantToken(caller, 'main')],
  ['grantInvoke', ({ broker, caller }) => broker.grantInvoke(caller, 'main')],
  ['connect', ({ broker, caller }) => broker.connect(caller, 'main')],
  ['connect by direct invocation', ({ broker, caller }) => broker.connect(caller, 'main', { via: 'invoke' })],
  ['a probe', ({ broker, callers }) => new BrokerProbe(callers, 'Probe', { broker, account: 'main', code: code() })],
  [
    'a metric',
    ({ broker, callers }) => {
      broker.metricCalls().createAlarm(callers, 'Alarm', { threshold: 1, evaluationPeriods: 1 });
    },
  ],
  [forAdmin, ({ broker, callers }) => broker.grantAdmin(importRole(callers))],
  [
    'the alias',
    ({ broker, caller }) => {
      caller.addEnvironment('ALIAS', broker.aliasOf('main').functionArn);
    },
  ],
];

describe('promise 61: grants to another stack', () => {
  test.each(uses)(
    'promise 61: %s can be taken back in one deployment, which starts with the stack of the broker',
    (_, use) => {
      const built = build();
      use(built);
      const before = templatesOf(built);
      expect(JSON.stringify(before.callers)).toContain('Fn::ImportValue');
      const after = templatesOf(build());
      expect(JSON.stringify(after.callers)).not.toContain('Fn::ImportValue');
      expect(refusedExports(before, after.broker)).toEqual([]);
    },
  );

  test.each(uses.filter(([what]) => what !== 'the alias' && what !== forAdmin))(
    'promise 61: %s can be taken back together with its account',
    (_, use) => {
      const built = build();
      use(built);
      const after = templatesOf(build({ accounts: { other: {} } }));
      expect(refusedExports(templatesOf(built), after.broker)).toEqual([]);
    },
  );

  test('the check finds an export that is gone although another stack imports it', () => {
    const built = build();
    built.broker.grantToken(built.caller, 'main');
    const before = templatesOf(built);
    expect(refusedExports(before, { ...before.broker, Outputs: {} })).toHaveLength(1);
  });

  test('grantInvoke gives a role of another stack the right on the alias of one account', () => {
    const { broker, callers, caller } = build();
    broker.grantInvoke(caller, 'other');
    const rights = statementsOf(Template.fromStack(callers)).filter(({ logicalId }) => logicalId.includes('Policy'));
    expect(JSON.stringify(rights)).toContain(':account-other');
    expect(rights).toMatchObject([{ actions: ['lambda:InvokeFunction'] }]);
  });

  test('promise 61: a broker in a nested stack cannot keep its exports, so synth tells the order', () => {
    const app = createApp();
    const broker = createBroker(new NestedStack(new Stack(app, 'Parent', { env }), 'Nested') as Stack);
    const callers = new Stack(app, 'Callers', { env });
    broker.grantInvoke(createFunction(callers, 'Caller'), 'main');
    expect(warningsOf(broker)).toEqual([
      expect.stringContaining('deploy that stack first: cdk deploy --exclusively Callers'),
    ]);
    const inParent = createFunction(Stack.of(broker).nestedStackParent as Stack, 'Caller');
    broker.grantToken(inParent, 'main');
    expect(warningsOf(broker)).toHaveLength(1);
  });
});

describe('grants that two stacks cannot share', () => {
  test('promise 61: grantAdmin throws for a role of another stack, and says to pass its ARN', () => {
    const { broker, caller } = build();
    expect(() => broker.grantAdmin(caller)).toThrow(
      'Callers/CallerRole is in the stack Callers, and a policy in the stack of the broker must name it, but two stacks cannot refer to each other: pass new ArnPrincipal(<ARN of the role>)',
    );
    expect(() => broker.grantAdmin(new ArnPrincipal(arns.administrator))).not.toThrow();
  });

  test('promise 61: grantAdmin throws for a role of another stack that has session tags', () => {
    const { broker, caller } = build();
    expect(() => broker.grantAdmin(new SessionTagsPrincipal(caller.grantPrincipal))).toThrow(
      'pass new ArnPrincipal(<ARN of the role>)',
    );
  });

  test.each([arns.directCaller, arns.foreignCaller])(
    'promise 61: a private API names the role %s, which another stack has imported',
    (arn) => {
      const { broker, callers } = withPrivateApi(createApp());
      broker.grantToken(Role.fromRoleArn(callers, 'Imported', arn), 'main');
      const rights = statementsOf(Template.fromStack(Stack.of(broker)));
      expect(rights.filter(({ principals }) => principals.includes(arn))).toHaveLength(1);
    },
  );

  test.each(['grantToken', 'connect'] as const)(
    'promise 61: %s throws for a role of another stack when the API is private',
    (method) => {
      const app = createApp();
      const { broker, callers } = withPrivateApi(app);
      const role = new Role(callers, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
      const fn = new LambdaFunction(callers, 'InVpc', {
        code: code(),
        handler: 'index.handler',
        runtime: Runtime.NODEJS_24_X,
        vpc: importVpc(callers),
        role,
      });
      expect(() => broker[method](fn, 'main')).toThrow(
        /^Callers\/Role is in the stack Callers, .*: grant the right here to new ArnPrincipal\(<ARN of its role>\), and in its stack with .*fromAttributes\. Or use direct invocation/,
      );
      broker.connect(fn, 'main', { via: 'invoke' });
      expect(() => app.synth()).not.toThrow();
    },
  );

  test.each([
    ['another region', { ...env, region: 'us-west-2' }],
    ['another AWS account', { ...env, account: '222222222222' }],
    ['an unknown environment', {}],
  ])('promise 61: the grants throw for a role in a stack of %s, and say to import the broker there', (_, callerEnv) => {
    const { broker, caller } = build({}, callerEnv);
    for (const grant of [broker.grantToken, broker.grantInvoke, broker.connect]) {
      expect(() => grant.call(broker, caller, 'main')).toThrow(
        'Callers/CallerRole is in the stack Callers of another environment than the broker. A stack refers to a broker of another region or AWS account by its attributes: use TokenBroker.fromAttributes there',
      );
    }
  });
});

test('promise 61: a stack with crossRegionReferences refers to the broker, and synth tells the order', () => {
  const app = createApp();
  const broker = createBroker(new Stack(app, 'Broker', { env, crossRegionReferences: true }));
  const elsewhere = { env: { ...env, region: 'us-west-2' }, crossRegionReferences: true };
  const callers = new Stack(app, 'Callers', elsewhere);
  broker.grantInvoke(createFunction(callers, 'Direct'), 'main');
  expect(JSON.stringify(Template.fromStack(callers).toJSON())).toContain('RefBrokerFunctionAliasaccountmain');
  expect(warningsOf(broker)).toEqual([
    expect.stringContaining('The broker is in another region, and Callers/DirectRole is in the stack Callers.'),
  ]);
});

test('a stack of another region can refer to the broker in an app with weak references', () => {
  const app = createApp();
  app.node.setContext('@aws-cdk/core:defaultCrossStackReferences', 'weak');
  const broker = createBroker(new Stack(app, 'Broker', { env, crossRegionReferences: true }));
  const elsewhere = { env: { ...env, region: 'us-west-2' }, crossRegionReferences: true };
  const callers = new Stack(app, 'Callers', elsewhere);
  broker.connect(createFunction(callers, 'Caller'), 'main');
  broker.grantInvoke(createFunction(callers, 'Direct'), 'main');
  expect(JSON.stringify(Template.fromStack(callers).toJSON())).toContain('Fn::GetStackOutput');
});

function withPrivateApi(app: App) {
  const stack = new Stack(app, 'Broker', { env });
  const endpoint = { vpcEndpointId: 'vpce-0123456789abcdef0', port: 443 };
  const vpcEndpoints = [InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(stack, 'Endpoint', endpoint)];
  return { broker: createBroker(stack, { vpcEndpoints }), callers: new Stack(app, 'Callers', { env }) };
}

// Tests the grants of the construct and its warnings (token-broker.ts). The principals are in grants/principal.test.ts.
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { InterfaceVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import { ArnPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { TokenBroker } from '../../infra/token-broker.ts';
import type { TokenBrokerProps } from '../../infra/token-broker-props.ts';
import { statementsOf } from './support/statements.ts';
import { arns, bundle, createApp } from './support/synth.ts';

/** Returns a broker with two accounts, the first of them the default, and a role that can get rights. */
function build(more: Partial<TokenBrokerProps> = {}) {
  const stack = new Stack(createApp(), 'Stack');
  const broker = new TokenBroker(stack, 'Broker', {
    accounts: { main: {}, other: {} },
    defaultAccount: 'main',
    code: Code.fromAsset(bundle),
    ...more,
  });
  const role = new Role(stack, 'Caller', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  return { stack, broker, role };
}

/** Returns the rights of the role, and the rights that the policies of the API and of the function give. */
function rightsIn(stack: Stack) {
  const statements = statementsOf(Template.fromStack(stack));
  return {
    ofRole: statements.filter(({ logicalId }) => logicalId.startsWith('CallerDefaultPolicy')),
    ofApi: statements.filter(({ type, effect }) => type === 'AWS::ApiGateway::RestApi' && effect === 'Allow'),
    ofFunction: statements.filter(
      ({ type, principals }) => type === 'AWS::Lambda::Permission' && principals.some((who) => who.startsWith('arn:')),
    ),
  };
}

const api = `arn:{AWS::Partition}:execute-api:{AWS::Region}:{AWS::AccountId}:{BrokerApiFC10C4DB}/v1/POST/token`;

describe('grantToken', () => {
  test('grantToken gives a role the right on the literal path of one account, and on no other path', () => {
    const { stack, broker, role } = build();
    broker.grantToken(role, 'other');
    const { ofRole, ofApi } = rightsIn(stack);
    expect(ofRole.map(({ actions, resources }) => [actions, resources])).toEqual([
      [['execute-api:Invoke'], [`${api}/other`]],
    ]);
    expect(ofApi).toEqual([]);
  });

  test('grantToken also covers the path without an account when the account is the default', () => {
    const { stack, broker, role } = build();
    broker.grantToken(role, 'main');
    expect(
      rightsIn(stack)
        .ofRole.flatMap(({ resources }) => resources)
        .sort(),
    ).toEqual([api, `${api}/main`]);
  });

  test('grantToken also covers the path without an account for an only account, not for several without a default', () => {
    const single = build({ accounts: { main: {} }, defaultAccount: undefined });
    single.broker.grantToken(single.role, 'main');
    expect(rightsIn(single.stack).ofRole.flatMap(({ resources }) => resources)).toContain(api);
    const several = build({ defaultAccount: undefined });
    several.broker.grantToken(several.role, 'main');
    expect(rightsIn(several.stack).ofRole.flatMap(({ resources }) => resources)).toEqual([`${api}/main`]);
  });

  test('grantToken adds a principal of another AWS account, with its path, to the policy of the API', () => {
    const { stack, broker } = build();
    broker.grantToken(new ArnPrincipal(arns.foreignCaller), 'other');
    expect(rightsIn(stack).ofApi).toMatchObject([
      {
        effect: 'Allow',
        principals: [arns.foreignCaller],
        actions: ['execute-api:Invoke'],
        resources: ['execute-api:/v1/POST/token/other'],
      },
    ]);
  });

  test('grantToken adds every principal to the policy of the API when the API is private, as AWS requires', () => {
    const { stack, broker, role } = build({
      vpcEndpoints: [
        InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(new Stack(new App(), 'Network'), 'Endpoint', {
          vpcEndpointId: 'vpce-0123456789abcdef0',
          port: 443,
        }),
      ],
    });
    broker.grantToken(role, 'other');
    const { ofRole, ofApi } = rightsIn(stack);
    expect(ofRole).toHaveLength(1);
    expect(ofApi).toMatchObject([
      { principals: ['{CallerBA8D1D35.Arn}'], resources: ['execute-api:/v1/POST/token/other'] },
    ]);
  });

  test('grantToken causes a new deployment when the policy of the API changes, which API Gateway needs to use it', () => {
    const deployments = [undefined, arns.foreignCaller].map((caller) => {
      const { stack, broker } = build();
      if (caller !== undefined) {
        broker.grantToken(new ArnPrincipal(caller), 'other');
      }
      return Object.keys(Template.fromStack(stack).findResources('AWS::ApiGateway::Deployment'));
    });
    expect(deployments.map((ids) => ids.length)).toEqual([1, 1]);
    expect(deployments[0]).not.toEqual(deployments[1]);
  });

  test('grantToken throws when the broker does not have the account', () => {
    const { broker, role } = build();
    expect(() => broker.grantToken(role, 'absent')).toThrow('no account absent');
  });
});

describe('grantInvoke', () => {
  test('grantInvoke gives a role the right on the alias of one account, and not on the function or on another alias', () => {
    const { stack, broker, role } = build();
    broker.grantInvoke(role, 'other');
    expect(rightsIn(stack).ofRole.map(({ actions, resources }) => [actions, resources])).toEqual([
      [['lambda:InvokeFunction'], [expect.stringMatching(/^\{BrokerFunctionAliasaccountother\w{8}\}$/)]],
    ]);
  });

  test('grantInvoke adds a principal of another AWS account to the policy of the alias', () => {
    const { stack, broker } = build();
    broker.grantInvoke(new ArnPrincipal(arns.foreignCaller), 'other');
    expect(rightsIn(stack).ofFunction).toMatchObject([
      { principals: [arns.foreignCaller], resources: [expect.stringMatching(/Aliasaccountother/)] },
    ]);
  });
});

describe('grantAdmin', () => {
  test('grantAdmin lets a role use the admin alias and set credentials, and denies other principals setting them', () => {
    const { stack, broker, role } = build({ accounts: { main: {} }, defaultAccount: 'main' });
    broker.grantAdmin(role);
    const statements = statementsOf(Template.fromStack(stack));
    const ofRole = statements.filter(({ logicalId }) => logicalId.startsWith('CallerDefaultPolicy'));
    expect(ofRole.map(({ actions, resources }) => [actions, resources])).toEqual([
      [['lambda:InvokeFunction'], [expect.stringMatching(/^\{BrokerFunctionAliasadmin\w{8}\}$/)]],
      [
        ['secretsmanager:DescribeSecret', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
        ['{BrokerCredentialsmainFD0BF075}'],
      ],
      [['kms:Decrypt', 'kms:GenerateDataKey'], ['{BrokerKey91C64100.Arn}']],
    ]);
    expect(statements.find(({ sid }) => sid === 'WritingForAdministratorsAlone')).toMatchObject({
      effect: 'Deny',
      actions: ['secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
      condition: 'ArnNotEquals=aws:PrincipalArn={CallerBA8D1D35.Arn}',
    });
  });

  test('the policies do not deny setting credentials when grantAdmin was never called', () => {
    const { stack } = build();
    const actions = statementsOf(Template.fromStack(stack)).flatMap((statement) => statement.actions);
    expect(actions).not.toContain('secretsmanager:PutSecretValue');
  });

  test('grantAdmin exempts both roles from the Deny when it is called twice', () => {
    const { stack, broker, role } = build({ accounts: { main: {} }, defaultAccount: 'main' });
    broker.grantAdmin(role);
    broker.grantAdmin(new ArnPrincipal(arns.administrator));
    const denial = statementsOf(Template.fromStack(stack)).find(({ sid }) => sid === 'WritingForAdministratorsAlone');
    expect(denial?.condition).toBe(`ArnNotEquals=aws:PrincipalArn={CallerBA8D1D35.Arn}, ${arns.administrator}`);
  });

  test('grantAdmin gives a role the rights on an existing secret and its key, in the policy of the role', () => {
    const { stack, broker, role } = build({ accounts: existing, defaultAccount: 'main' });
    broker.grantAdmin(role);
    const rights = rightsIn(stack).ofRole;
    const resourcesFor = (action: string) =>
      rights.flatMap(({ actions, resources }) => (actions.includes(action) ? resources : []));
    expect(resourcesFor('secretsmanager:PutSecretValue')).toEqual([arns.secret]);
    expect(resourcesFor('kms:GenerateDataKey')).toContain(arns.secretKey);
    expect(warningsOf(broker)).not.toContainEqual(expect.stringContaining('gets no right to set it'));
  });

  test('grantAdmin gives a principal known by ARN no right on an existing secret, and warns about it', () => {
    const { stack, broker } = build({ accounts: existing, defaultAccount: 'main' });
    broker.grantAdmin(new ArnPrincipal(arns.administrator));
    expect(warningsOf(broker)).toContainEqual(
      expect.stringContaining(`account main exists already: ${arns.administrator} gets no right to set it`),
    );
    Template.fromStack(stack).resourceCountIs('AWS::SecretsManager::ResourcePolicy', 0);
  });
});

const existing = { main: { secretArn: arns.secret, secretKeyArn: arns.secretKey } };

/** Returns the annotations of the construct and of everything in it. */
function warningsOf(construct: TokenBroker): string[] {
  return construct.node.findAll().flatMap(({ node }) => node.metadata.map(({ data }) => String(data)));
}

test('the construct throws with all faults of its accounts at once', () => {
  const accounts = { Main: {}, a: { secretArn: arns.secret }, b: { secretArn: arns.secret }, 'a-b': {}, ab: {} };
  expect(() => build({ accounts, defaultAccount: 'c' })).toThrow(
    [
      'accounts.Main: the id must be up to 63 lower-case letters, digits and hyphens, with no hyphen at the start',
      'accounts.b: has the same secret as a: give each account its own',
      'accounts.ab: differs from a-b only by hyphens: choose another id',
      'defaultAccount: must be one of the accounts',
    ].join('\n'),
  );
});

test('the construct warns when it has a default account among several, because a later change affects every caller', () => {
  const warnings = (more: Partial<TokenBrokerProps>) =>
    build(more)
      .broker.node.metadata.map(({ data }) => String(data))
      .filter((data) => data.includes('POST /token serves'));
  expect(warnings({})).toHaveLength(1);
  expect(warnings({ defaultAccount: undefined })).toEqual([]);
});

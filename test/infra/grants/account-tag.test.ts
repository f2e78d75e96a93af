// Tests the rights on the account that a tag names, and on every account (grants/account-tag.ts, api.ts and breadth.ts).
import { Lazy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { InterfaceVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import { ArnPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { tagKeyFault } from '../../../infra/grants/account-tag.ts';
import { TokenBroker } from '../../../infra/token-broker.ts';
import type { TokenBrokerProps } from '../../../infra/token-broker-props.ts';
import { propertiesOf, statementsOf } from '../support/statements.ts';
import { arns, bundle, createApp } from '../support/synth.ts';
import { env } from '../support/user-app.ts';
import { warningsOf } from '../support/warnings.ts';

function build(more: Partial<TokenBrokerProps> = {}) {
  const stack = new Stack(createApp(), 'Stack', { env });
  const accounts = { main: {}, other: {} };
  const broker = new TokenBroker(stack, 'Broker', { accounts, code: Code.fromAsset(bundle), ...more });
  const role = new Role(stack, 'Caller', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
  return { stack, broker, role };
}

/** Returns what the role may call, and what the policy of the API allows, each with its condition. */
function rightsIn(stack: Stack) {
  const statements = statementsOf(Template.fromStack(stack));
  return {
    ofRole: statements.filter(({ logicalId }) => logicalId.startsWith('CallerDefaultPolicy')),
    ofApi: statements.filter(({ type, effect }) => type === 'AWS::ApiGateway::RestApi' && effect === 'Allow'),
  };
}

const api = `arn:{AWS::Partition}:execute-api:${env.region}:${env.account}:{BrokerApiFC10C4DB}/v1/POST/token`;
const byTag = `/${'$'}{aws:PrincipalTag/fegora-account}`;
const condition = 'StringLike=aws:PrincipalTag/fegora-account=?*';
const endpoint = { vpcEndpointId: 'vpce-0123456789abcdef0', port: 443 };

describe('grantTokenByTag', () => {
  test('promise 67: grantTokenByTag gives a role one statement for all accounts: the path that its tag names', () => {
    const { stack, broker, role } = build({ defaultAccount: 'main' });
    broker.grantTokenByTag(role, 'fegora-account');
    const { ofRole, ofApi } = rightsIn(stack);
    expect(ofRole).toMatchObject([{ actions: ['execute-api:Invoke'], resources: [`${api}${byTag}`], condition }]);
    expect(ofApi).toEqual([]);
    // In a policy of an earlier version of the language, a variable is plain text.
    const [policy] = propertiesOf('AWS::IAM::Policy', Template.fromStack(stack)).slice(-1);
    expect(policy).toMatchObject({ PolicyDocument: { Version: '2012-10-17' } });
  });

  test('promise 67: the policy of the API has the path and the condition too, for another AWS account and a private API', () => {
    const foreign = build();
    foreign.broker.grantTokenByTag(new ArnPrincipal(arns.foreignCaller), 'fegora-account');
    const network = new Stack(createApp(), 'Network');
    const vpcEndpoints = [InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(network, 'Endpoint', endpoint)];
    const isolated = build({ vpcEndpoints });
    isolated.broker.grantTokenByTag(isolated.role, 'fegora-account');

    const resources = [`execute-api:/v1/POST/token${byTag}`];
    expect(rightsIn(foreign.stack)).toMatchObject({
      ofRole: [],
      ofApi: [{ principals: [arns.foreignCaller], resources, condition }],
    });
    expect(rightsIn(isolated.stack)).toMatchObject({
      ofRole: [{ resources: [`${api}${byTag}`], condition }],
      ofApi: [{ principals: ['{CallerBA8D1D35.Arn}'], resources, condition }],
    });
    const [policy] = propertiesOf('AWS::ApiGateway::RestApi', Template.fromStack(foreign.stack));
    expect(policy).toMatchObject({ Policy: { Version: '2012-10-17' } });
  });

  test('promise 67: an imported broker adds the same statement to the policy of the role', () => {
    const { stack, role } = build();
    const functionArn = `arn:aws:lambda:us-east-1:${env.account}:function:broker`;
    const attributes = { functionArn, apiId: 'abcde12345', accounts: ['main'], defaultAccount: 'main' };
    const imported = TokenBroker.fromAttributes(stack, 'Imported', attributes);
    imported.grantTokenByTag(role, 'fegora-account');
    imported.grantTokenForAll(role);
    const path = `arn:aws:execute-api:us-east-1:${env.account}:abcde12345/v1/POST/token`;
    expect(rightsIn(stack).ofRole).toMatchObject([
      { resources: [`${path}${byTag}`], condition },
      { resources: [path, `${path}/*`], condition: '' },
    ]);
    expect(warningsOf(imported)).toHaveLength(2);
  });

  test('promise 67: synth says who chooses the account, and what to restrict', () => {
    const { broker, role } = build();
    broker.grantTokenByTag(role, 'fegora-account');
    const [warning, ...others] = warningsOf(broker);
    expect(others).toEqual([]);
    expect(warning).toMatch(/^Stack\/Caller gets the tokens of the account that its tag fegora-account names/);
    for (const name of ['sts:TagSession', 'aws:RequestTag/fegora-account', 'sts:TransitiveTagKeys', 'iam:TagRole']) {
      expect(warning).toContain(name);
    }
  });

  test.each([
    '',
    ' ',
    'fegora account',
    'fegora}/*',
    'fegora*',
    'a?',
    'a,b',
    "a', 'main",
    `${'$'}{aws:username}`,
    'aws:account',
    'AWS:account',
    'ñ',
    'a'.repeat(129),
    'a\n',
    Lazy.string({ produce: () => 'fegora-account' }),
    undefined,
    7,
  ])('promise 67: grantTokenByTag refuses the key %j, and changes no policy', (key) => {
    const { stack, broker, role } = build();
    // @ts-expect-error: in JavaScript, the key can be anything
    expect(() => broker.grantTokenByTag(role, key)).toThrow(/^the tag key of grantTokenByTag must /);
    expect(rightsIn(stack)).toEqual({ ofRole: [], ofApi: [] });
  });

  test('takes every character that a key in a policy variable may have, up to 128', () => {
    for (const key of ['fegora-account', 'Fegora:Account', 'a_b.c:d/e=f+g-h@i', 'awsome', 'a'.repeat(128)]) {
      expect([key, tagKeyFault(key)]).toEqual([key, undefined]);
    }
  });
});

describe('grantTokenForAll', () => {
  test('grantTokenForAll gives a role the right on every account, and warns', () => {
    const { stack, broker, role } = build();
    broker.grantTokenForAll(role);
    expect(rightsIn(stack).ofRole).toMatchObject([{ resources: [`${api}/*`], condition: '' }]);
    expect(warningsOf(broker)).toEqual([
      expect.stringMatching(/^Stack\/Caller gets the tokens of every account, also of accounts that you add later\./),
    ]);
  });

  test('grantTokenForAll covers the path without an account if the broker has a default account', () => {
    const { stack, broker, role } = build({ defaultAccount: 'main' });
    broker.grantTokenForAll(role);
    expect(
      rightsIn(stack)
        .ofRole.flatMap(({ resources }) => resources)
        .sort(),
    ).toEqual([api, `${api}/*`]);
  });
});

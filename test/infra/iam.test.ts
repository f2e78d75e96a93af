// Tests all policies of all templates: no wildcard without a reason, no caller that the settings do not name.
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { asJson, resourcesOf, type Statement, statementsOf } from './support/statements.ts';
import { arns, type StageName, templateNames, templateOf, templateWith } from './support/synth.ts';
import { type Exception, isUsed, wildcards } from './support/wildcards.ts';

const exceptions: readonly Exception[] = [
  {
    type: 'AWS::KMS::Key',
    effect: 'Allow',
    element: 'resource',
    value: /^\*$/,
    reason: 'in the policy of a key, `*` is the key itself and has no other name',
  },
  {
    type: 'AWS::DynamoDB::Table',
    effect: 'Deny',
    element: 'resource',
    value: /^\*$/,
    reason: 'the policy is created together with its table and cannot refer to it, and a Deny allows nothing',
  },
  {
    type: 'AWS::SecretsManager::ResourcePolicy',
    effect: 'Deny',
    element: 'resource',
    value: /^\*$/,
    reason: 'in the policy of a secret, `*` is this secret, and a Deny allows nothing',
  },
  {
    type: 'AWS::ApiGateway::RestApi',
    effect: 'Deny',
    element: 'resource',
    value: /^execute-api:\/\*$/,
    reason: 'a caller from a wrong place must not call any path of this API',
  },
  ...(
    [
      ['action', /^sqs:\*$/],
      ['principal', /^\*$/],
    ] as const
  ).map(
    ([element, value]) =>
      ({
        type: 'AWS::SQS::QueuePolicy',
        effect: 'Deny',
        element,
        value,
        reason: 'a Deny of everything that is not encrypted, for all principals',
      }) as const,
  ),
  ...['AWS::DynamoDB::Table', 'AWS::SecretsManager::ResourcePolicy', 'AWS::ApiGateway::RestApi'].map(
    (type) =>
      ({
        type,
        effect: 'Deny',
        element: 'principal',
        value: /^\*$/,
        reason: 'a Deny for all principals except those in its condition',
      }) as const,
  ),
  {
    type: 'AWS::IAM::Policy',
    effect: 'Allow',
    element: 'resource',
    value: /^\{\w+Log\w+\.Arn\}:\*$/,
    reason: 'the streams of one log group, which Lambda creates and names',
  },
  ...(['Allow', 'Deny'] as const).map(
    (effect) =>
      ({
        type: 'AWS::IAM::Policy',
        effect,
        element: 'resource',
        sid: effect === 'Allow' ? 'NetworkInterfaces' : 'NetworkInterfacesForLambdaAlone',
        value: /^\*$/,
        reason:
          'the actions of Lambda for network interfaces do not all support resources, and the code may not use them',
      }) as const,
  ),
  ...[
    ['resource', /^\*$/] as const,
    ['condition', /^ArnNotEquals=lambda:SourceFunctionArn=\{(\w+)\.Arn\}, \{\1\.Arn\}:\*$/] as const,
  ].map(
    ([element, value]) =>
      ({
        type: 'AWS::IAM::Policy',
        effect: 'Deny',
        element,
        sid: 'DataForTheFunctionAlone',
        value,
        reason: 'a Deny of all data to all except the function, whatever its version',
      }) as const,
  ),
  {
    type: 'AWS::IAM::Policy',
    effect: 'Allow',
    element: 'resource',
    actions: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'],
    value: /^\*$/,
    reason: 'the actions of X-Ray do not support resources',
  },
  {
    type: 'AWS::Lambda::Permission',
    effect: 'Allow',
    element: 'condition',
    value: /\/POST\/token\/\*$/,
    reason: "API Gateway's own right on one method, whose path parameter can be any account",
  },
];

test.each(templateNames)('template %s has no wildcard without a reason in any policy', (name) => {
  const statements = statementsOf(templateOf(name));
  expect(statements.length).toBeGreaterThan(10);
  expect(statements.flatMap((statement) => wildcards(statement, exceptions))).toEqual([]);
});

test('every exception for a wildcard is used by a template', () => {
  const statements = templateNames.flatMap((name) => statementsOf(templateOf(name)));
  expect(exceptions.filter((exception) => !isUsed(exception, statements))).toEqual([]);
});

test.each<[string, Partial<Statement>]>([
  ['a wildcard in an action', { actions: ['dynamodb:*'] }],
  ['a wildcard in a resource', { resources: ['{Table.Arn}', '{Table.Arn}/index/*'] }],
  ['a wildcard in a principal', { type: 'AWS::SecretsManager::ResourcePolicy', principals: ['*'] }],
  ['a wildcard in a condition', { condition: 'ArnLike=aws:PrincipalArn=arn:aws:iam::111111111111:role/*' }],
  ['a negation', { negations: ['NotAction'] }],
])('the check finds %s of a statement', (_, broken) => {
  const harmless: Statement = {
    type: 'AWS::IAM::Policy',
    logicalId: 'Policy',
    effect: 'Allow',
    sid: '',
    actions: ['dynamodb:GetItem'],
    resources: ['{Table.Arn}'],
    principals: [],
    negations: [],
    condition: '',
  };
  expect(wildcards(harmless, exceptions)).toEqual([]);
  expect(wildcards({ ...harmless, ...broken }, exceptions)).toHaveLength(1);
});

describe('callers', () => {
  const always = [
    'apigateway.amazonaws.com: alias http for /POST/token',
    'apigateway.amazonaws.com: alias http for /POST/token/*',
    'events.amazonaws.com: alias warmup for {BrokerSecretRule29A3A2A9.Arn}',
    'the role of SchedulerRoleForTargetb108ebDefaultPolicyDA2AAA85: alias warmup',
  ];
  const inSettings: Record<StageName, string[]> = {
    minimal: [],
    full: [
      `${arns.administrator}: alias admin`,
      `${arns.directCaller}: alias account-nit-2`,
      `${arns.foreignCaller}: execute-api:/v1/POST/token, execute-api:/v1/POST/token/main`,
    ],
    network: [],
    private: [`${arns.directCaller}: execute-api:/v1/POST/token, execute-api:/v1/POST/token/main`],
  };

  test.each(templateNames)('only the callers in the settings have rights in stage %s', (stage) => {
    const template = templateOf(stage);
    template.resourceCountIs('AWS::Lambda::Url', 0);
    // The queue of warm-ups, in the one stage that has it.
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', stage === 'network' ? 1 : 0);
    const calls = statementsOf(template).filter(({ effect, actions }) => effect === 'Allow' && actions.some(isCall));
    expect(calls.map((statement) => describeCall(statement, template)).sort()).toEqual(
      [...always, ...inSettings[stage]].sort(),
    );
  });

  test('promise 67: a caller in the settings gets the account that its tag names, another one gets all accounts', () => {
    const template = templateWith({
      accounts: { main: {}, other: {} },
      callers: [
        { principal: arns.foreignCaller, accountTag: 'fegora-account' },
        { principal: arns.directCaller, accounts: 'all' },
      ],
    });
    const byTag = `execute-api:/v1/POST/token/${'$'}{aws:PrincipalTag/fegora-account}`;
    const calls = statementsOf(template).filter(
      ({ effect, actions }) => effect === 'Allow' && actions.includes('execute-api:Invoke'),
    );
    expect(calls.map((statement) => describeCall(statement, template))).toEqual([
      `${arns.foreignCaller}: ${byTag} for StringLike=aws:PrincipalTag/fegora-account=?*`,
      `${arns.directCaller}: execute-api:/v1/POST/token/*`,
    ]);
  });
});

function isCall(action: string): boolean {
  return action === 'lambda:InvokeFunction' || action.startsWith('execute-api:');
}

function describeCall({ logicalId, principals, resources, condition }: Statement, template: Template): string {
  const who = principals.length > 0 ? principals.join(', ') : `the role of ${logicalId}`;
  const what = resources.map((resource) => aliasName(resource, template) ?? resource).join(', ');
  const forWhat = condition === '' ? '' : ` for ${condition.replace(/^.*(?=\/POST)/, '')}`;
  return `${who}: ${what}${forWhat}`;
}

function aliasName(reference: string, template: Template): string | undefined {
  const properties = resourcesOf(template)[reference.slice(1, -1)]?.Properties;
  return properties === undefined ? undefined : `alias ${String(asJson(properties).Name)}`;
}

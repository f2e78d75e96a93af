import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { asJson, resourcesOf, type Statement, statementsOf } from './support/statements.ts';
import { arns, type StageName, templateNames, templateOf } from './support/synth.ts';

/** One `*` that may stand, and why. Whatever is not here must not be. */
interface Exception {
  readonly type: string;
  readonly effect: 'Allow' | 'Deny';
  readonly element: 'resource' | 'principal' | 'condition';
  readonly value: RegExp;
  /** Only in the statement of this name. */
  readonly sid?: string;
  readonly reason: string;
}

const exceptions: readonly Exception[] = [
  {
    type: 'AWS::KMS::Key',
    effect: 'Allow',
    element: 'resource',
    value: /^\*$/,
    reason: 'in the policy of a key, the key itself has no other name',
  },
  {
    type: 'AWS::DynamoDB::Table',
    effect: 'Deny',
    element: 'resource',
    value: /^\*$/,
    reason: 'a table cannot name itself in the policy that it is made with, and a Deny only takes away',
  },
  {
    type: 'AWS::SecretsManager::ResourcePolicy',
    effect: 'Deny',
    element: 'resource',
    value: /^\*$/,
    reason: "in a secret's own policy it is that secret, and a Deny only takes away",
  },
  {
    type: 'AWS::ApiGateway::RestApi',
    effect: 'Deny',
    element: 'resource',
    value: /^execute-api:\/\*$/,
    reason: 'whoever comes from the wrong place may call nothing of this API',
  },
  ...['AWS::DynamoDB::Table', 'AWS::SecretsManager::ResourcePolicy', 'AWS::ApiGateway::RestApi'].map(
    (type) =>
      ({
        type,
        effect: 'Deny',
        element: 'principal',
        value: /^\*$/,
        reason: 'a Deny for everybody but the one in its condition',
      }) as const,
  ),
  {
    type: 'AWS::IAM::Policy',
    effect: 'Allow',
    element: 'resource',
    value: /^\{\w+Log\w+\.Arn\}:\*$/,
    reason: 'the streams of one log group: Lambda makes them and names them',
  },
  {
    type: 'AWS::IAM::Policy',
    effect: 'Allow',
    element: 'resource',
    sid: 'LogDelivery',
    value: /^\*$/,
    reason: 'the actions by which Step Functions sets up the delivery of logs take no resource',
  },
  {
    type: 'AWS::KMS::Key',
    effect: 'Allow',
    element: 'condition',
    sid: 'DeliverLogs',
    value: /^StringEquals=kms:EncryptionContext:SourceArn=arn:[^*]+:logs:[^*]+:\*$/,
    reason: 'compared letter for letter: the asterisk is a part of what the logs of one account are encrypted with',
  },
  {
    type: 'AWS::Lambda::Permission',
    effect: 'Allow',
    element: 'condition',
    value: /\/POST\/token\/\*$/,
    reason: "API Gateway's own right on one method, whose path parameter is any account",
  },
];

/** Every part of a statement that is, or ends in, more than one thing. */
function wildcardsIn({ actions, resources, principals, condition }: Statement) {
  return [
    ...actions.map((value) => ({ element: 'action', value })),
    ...resources.map((value) => ({ element: 'resource', value })),
    ...principals.map((value) => ({ element: 'principal', value })),
    { element: 'condition', value: condition },
  ].filter(({ value }) => value.includes('*'));
}

function isExcepted(statement: Statement, { element, value }: { element: string; value: string }, by: Exception) {
  return (
    by.type === statement.type &&
    by.effect === statement.effect &&
    by.element === element &&
    by.value.test(value) &&
    (by.sid === undefined || by.sid === statement.sid)
  );
}

/** Every wildcard of a statement that is not on the list, and everything said by what it is not. */
function wildcards(statement: Statement): string[] {
  const { effect, logicalId, negations } = statement;
  const unexcepted = wildcardsIn(statement).filter(
    (wildcard) => !exceptions.some((exception) => isExcepted(statement, wildcard, exception)),
  );
  return [...unexcepted.map(({ element, value }) => `${element} ${value}`), ...negations].map(
    (what) => `${logicalId}: ${effect} ${what}`,
  );
}

test.each(templateNames)('template %s has no wildcard without a reason in any policy of any kind', (name) => {
  const statements = statementsOf(templateOf(name));
  expect(statements.length).toBeGreaterThan(10);
  expect(statements.flatMap(wildcards)).toEqual([]);
});

test('every exception is needed', () => {
  const statements = templateNames.flatMap((name) => statementsOf(templateOf(name)));
  const isUsed = (exception: Exception) =>
    statements.some((statement) =>
      wildcardsIn(statement).some((wildcard) => isExcepted(statement, wildcard, exception)),
    );
  expect(exceptions.filter((exception) => !isUsed(exception))).toEqual([]);
});

test.each<[string, Partial<Statement>]>([
  ['an action', { actions: ['dynamodb:*'] }],
  ['a resource', { resources: ['{Table.Arn}', '{Table.Arn}/index/*'] }],
  ['a principal', { type: 'AWS::SecretsManager::ResourcePolicy', principals: ['*'] }],
  ['a condition', { condition: 'ArnLike=aws:PrincipalArn=arn:aws:iam::111111111111:role/*' }],
  ['a negation', { negations: ['NotAction'] }],
])('a wildcard in %s is found', (_, broken) => {
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
  expect(wildcards(harmless)).toEqual([]);
  expect(wildcards({ ...harmless, ...broken })).toHaveLength(1);
});

describe('nobody may call but whom the settings name', () => {
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
    private: [`${arns.directCaller}: execute-api:/v1/POST/token, execute-api:/v1/POST/token/main`],
  };

  test.each(templateNames.filter((name) => name !== 'examples'))('setting %s', (stage) => {
    const template = templateOf(stage);
    template.resourceCountIs('AWS::Lambda::Url', 0);
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 0);
    const calls = statementsOf(template).filter(({ effect, actions }) => effect === 'Allow' && actions.some(isCall));
    expect(calls.map((statement) => describeCall(statement, template)).sort()).toEqual(
      [...always, ...inSettings[stage]].sort(),
    );
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

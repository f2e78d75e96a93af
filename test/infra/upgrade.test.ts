// Tests an upgrade: the stacks of the version before, with the same settings, keep their resources (infra/ as a whole).
import { readFileSync } from 'node:fs';
import { NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Role } from 'aws-cdk-lib/aws-iam';
import { expect, test } from 'vitest';
import { TokenBroker } from '../../infra/index.ts';
import { refusedExports } from './support/exports.ts';
import { type Replaceables, replaceablesOf, replaced } from './support/replacements.ts';
import { asJson, propertiesOf, statementsOf } from './support/statements.ts';
import { arns, createApp, type StageName, templateOf } from './support/synth.ts';
import { code, createFunction, env } from './support/user-app.ts';

const stageNames = ['minimal', 'full', 'private'] as const satisfies readonly StageName[];

/**
 * The resources of the version before, by stage and logical id, as `replaceablesOf` returned them. A change of this file
 * says that users lose a resource in an upgrade: the change log must then tell them what to do.
 */
const before: Record<(typeof stageNames)[number], Replaceables> = JSON.parse(
  readFileSync(new URL('./support/version-before.json', import.meta.url), 'utf8'),
);

/** An alarm holds nothing, and the change log says which alarms came and went. */
function withoutAlarms(resources: Replaceables): Replaceables {
  return Object.fromEntries(Object.entries(resources).filter(([, { type }]) => type !== 'AWS::CloudWatch::Alarm'));
}

/** The resources of a template, without its alarms. */
function keptOf(template: unknown): Replaceables {
  return withoutAlarms(replaceablesOf(template));
}

test.each(stageNames)('an upgrade replaces no resource of stage %s but alarms', (stage) => {
  expect(replaced(withoutAlarms(before[stage]), keptOf(templateOf(stage).toJSON()))).toEqual([]);
});

/** The resources that the version before did not have, in every stage. None of them holds data or changes a right. */
const added = ['BrokerDataForTheFunctionAlone82BD1C2F'];

test.each(stageNames)('an upgrade adds only known resources to stage %s whose settings stay the same', (stage) => {
  expect(replaced(keptOf(templateOf(stage).toJSON()), before[stage])).toEqual(added);
});

/**
 * What CloudFormation's handler of a table calls to create, read, update and delete ours, from the schema of its type.
 * The schema also names actions for imports, Kinesis streams and replicas, which the template does not have.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
 */
const ofCloudFormation = [
  ...['CreateTable', 'DeleteTable', 'DescribeTable', 'UpdateTable', 'DescribeTimeToLive', 'UpdateTimeToLive'],
  ...['DescribeContinuousBackups', 'UpdateContinuousBackups', 'DescribeContributorInsights'],
  ...['UpdateContributorInsights', 'DescribeKinesisStreamingDestination', 'DisableKinesisStreamingDestination'],
  ...['GetResourcePolicy', 'PutResourcePolicy', 'DeleteResourcePolicy'],
  ...['ListTagsOfResource', 'TagResource', 'UntagResource'],
].map((action) => `dynamodb:${action}`);

test.each(stageNames)('no policy of stage %s denies what CloudFormation calls to update or delete it', (stage) => {
  const denied = statementsOf(templateOf(stage))
    .filter(({ effect }) => effect === 'Deny')
    .flatMap(({ actions }) => actions);
  expect(denied).toContain('dynamodb:CreateBackup');
  expect(denied.filter((action) => ofCloudFormation.includes(action))).toEqual([]);
  expect(denied.filter((action) => /:(Delete|Describe|List|Tag|Untag)/.test(action))).toEqual(['dynamodb:DeleteItem']);
  for (const table of propertiesOf('AWS::DynamoDB::Table', templateOf(stage))) {
    expect(Object.keys(table)).not.toContain('KinesisStreamSpecification');
  }
});

test.each(['AWS::KMS::Key', 'AWS::SecretsManager::Secret', 'AWS::DynamoDB::Table', 'AWS::ApiGateway::RestApi'])(
  'the check knows the %s of the version before, and finds its replacement',
  (type) => {
    const after = asJson(structuredClone(templateOf('minimal').toJSON()));
    const [id = ''] = Object.entries(before.minimal).find(([, resource]) => resource.type === type) ?? [];
    const { [id]: gone, ...others } = asJson(after.Resources);
    expect(gone).toBeDefined();
    expect(replaced(withoutAlarms(before.minimal), keptOf({ Resources: { ...others, Renamed: gone } }))).toEqual([id]);
  },
);

test('the check finds a resource whose name or key changes', () => {
  const after = replaceablesOf(templateOf('minimal').toJSON());
  const [table = ''] = Object.keys(after).filter((id) => after[id]?.type === 'AWS::DynamoDB::Table');
  const renamed = { type: 'AWS::DynamoDB::Table', properties: { ...after[table]?.properties, TableName: 'tokens' } };
  expect(replaced(after, { ...after, [table]: renamed })).toEqual([table]);
});

/** What other stacks of an app import from the version before, by what they have from the broker. */
const nested = 'S:ExportsOutputFnGetAttNNestedStackNNestedStackResource25BF0ED8OutputsSNB';
const plain = 'S:ExportsOutput';
const imported: readonly (readonly [string, isNested: boolean, use: (built: Callers) => void, exports: string[]])[] = [
  [
    'grantInvoke',
    false,
    ({ broker, caller }) => broker.grantInvoke(caller, 'main'),
    [`${plain}RefBFunctionAliasaccountmain5F4F3ADEC8FCBA2C`],
  ],
  [
    'grantAdmin',
    false,
    ({ broker, role }) => broker.grantAdmin(role),
    [
      ...[`${plain}RefBFunctionAliasadmin55463939D6738AF1`, `${plain}RefBCredentialsmainA14E3555A5686D66`],
      `${plain}FnGetAttBKeyF39674CCArnBC6166DE`,
    ],
  ],
  [
    'grantInvoke of a broker in a nested stack',
    true,
    ({ broker, caller }) => broker.grantInvoke(caller, 'two'),
    [`${nested}FunctionAliasaccounttwo556F0C5BRef50FFB175`],
  ],
  [
    'grantToken of a broker in a nested stack',
    true,
    ({ broker, caller }) => broker.grantToken(caller, 'two'),
    [`${nested}Api8CC5A366RefC19FC0CA`],
  ],
  [
    'grantAdmin of a broker in a nested stack',
    true,
    ({ broker, role }) => broker.grantAdmin(role),
    [
      ...[`${nested}FunctionAliasadmin411E46A3Ref85F11AD2`, `${nested}CredentialsmainEE981BACRef38E659E9`],
      `${nested}Key717AF7B5Arn3B650255`,
    ],
  ],
];

type Callers = ReturnType<typeof withCallers>;

function withCallers(isNested: boolean) {
  const app = createApp();
  const root = new Stack(app, 'S', { env });
  const props = { accounts: { main: {}, two: {} }, code: code() };
  const broker = new TokenBroker(isNested ? new NestedStack(root, 'N') : root, 'B', props);
  const callers = new Stack(app, 'O', { env });
  const role = Role.fromRoleArn(callers, 'R', arns.directCaller);
  return { app, root, broker, role, caller: createFunction(callers, 'Caller') };
}

test.each(imported)(
  'promise 61: an upgrade keeps the exports that %s of another stack imports',
  (_, isNested, use, names) => {
    const built = withCallers(isNested);
    use(built);
    built.app.synth();
    const callers = names.map((name) => ({ 'Fn::ImportValue': name }));
    expect(refusedExports({ callers }, Template.fromStack(built.root).toJSON())).toEqual([]);
  },
);

// Finds the resources that CloudFormation would replace or delete in an update. Called by upgrade.test.ts.
import { isDeepStrictEqual } from 'node:util';
import { asJson } from './statements.ts';

/**
 * The properties whose change makes CloudFormation replace a resource, by type. Types that are not here have no state
 * and no name that a caller knows.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
 */
const replacing: Readonly<Record<string, readonly string[]>> = {
  'AWS::KMS::Key': [],
  'AWS::SecretsManager::Secret': ['Name'],
  'AWS::SecretsManager::ResourcePolicy': ['SecretId'],
  'AWS::DynamoDB::Table': ['AttributeDefinitions', 'ImportSourceSpecification', 'KeySchema', 'TableName'],
  'AWS::ApiGateway::RestApi': [],
  'AWS::ApiGateway::Resource': ['ParentId', 'PathPart', 'RestApiId'],
  'AWS::ApiGateway::Stage': ['RestApiId', 'StageName'],
  'AWS::Lambda::Function': ['FunctionName', 'PackageType', 'TenancyConfig'],
  'AWS::Lambda::Alias': ['FunctionName', 'Name'],
  'AWS::Logs::LogGroup': ['LogGroupName'],
  'AWS::IAM::Role': ['Path', 'RoleName'],
};

/** A resource with only the properties that can replace it. */
export interface Replaceable {
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

export type Replaceables = Readonly<Record<string, Replaceable>>;

/** Returns the resources of a template, by logical id, without those whose id changes with their content. */
export function replaceablesOf(template: unknown): Replaceables {
  const resources = Object.entries(asJson(asJson(template).Resources)).filter(
    ([, resource]) => !/^AWS::(Lambda::Version|ApiGateway::Deployment)$/.test(String(asJson(resource).Type)),
  );
  return Object.fromEntries(
    resources.map(([id, resource]) => {
      const { Type, Properties = {} } = asJson(resource);
      const type = String(Type);
      const known = Object.entries(asJson(Properties)).filter(([name]) => replacing[type]?.includes(name));
      return [id, { type, properties: Object.fromEntries(known) }];
    }),
  );
}

/** Returns the logical ids that are gone in the new template, or that CloudFormation replaces. */
export function replaced(before: Replaceables, after: Replaceables): string[] {
  return Object.entries(before)
    .filter(([id, resource]) => !isDeepStrictEqual(resource, after[id]))
    .map(([id]) => id);
}

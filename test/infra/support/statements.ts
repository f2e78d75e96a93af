// Collects the statements of all policies in a template, in one form. Called by the tests of infra.
import type { Template } from 'aws-cdk-lib/assertions';

/** One statement of a policy in a template: of an identity, a resource, a key, an API or a trust policy. */
export interface Statement {
  /** Type of the resource with this statement. */
  readonly type: string;
  readonly logicalId: string;
  readonly effect: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly principals: readonly string[];
  /** `NotAction`, `NotResource` and `NotPrincipal`: each means everything except the values. */
  readonly negations: readonly string[];
  readonly condition: string;
  readonly sid: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Returns every statement of a template. Lambda permissions have the same form. */
export function statementsOf(template: Template): Statement[] {
  const resources = resourcesOf(template);
  return Object.entries(resources).flatMap(([logicalId, resource]) => {
    const type = String(resource.Type);
    const render = (value: unknown) => textOf(value, resources);
    return type === 'AWS::Lambda::Permission'
      ? [permission(logicalId, asJson(resource.Properties), render)]
      : rawStatements(resource.Properties).map((raw) => statement({ logicalId, type }, raw, render));
  });
}

type Render = (value: unknown) => string;

function statement(at: { logicalId: string; type: string }, raw: Json, render: Render): Statement {
  const principal = raw.Principal;
  const principals = typeof principal === 'string' ? [principal] : Object.values(asJson(principal ?? {})).flatMap(list);
  return {
    ...at,
    effect: String(raw.Effect),
    sid: String(raw.Sid ?? ''),
    actions: list(raw.Action).map(render),
    resources: list(raw.Resource).map(render),
    principals: principals.map(render),
    negations: Object.keys(raw).filter((name) => name.startsWith('Not')),
    condition: raw.Condition === undefined ? '' : render(raw.Condition),
  };
}

function permission(logicalId: string, properties: Json, render: Render): Statement {
  return {
    type: 'AWS::Lambda::Permission',
    logicalId,
    effect: 'Allow',
    sid: '',
    actions: [render(properties.Action)],
    resources: [render(properties.FunctionName)],
    principals: [render(properties.Principal)],
    negations: [],
    condition: render(properties.SourceArn ?? ''),
  };
}

/** Returns the members of all lists with the name `Statement`, at any depth. */
function rawStatements(value: unknown): Json[] {
  if (Array.isArray(value)) {
    return value.flatMap(rawStatements);
  }
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'Statement' ? list(member).map(asJson) : rawStatements(member),
  );
}

/**
 * Returns a value as one string, with references as logical ids in braces. The ARN of a log group gets the `:*` that AWS
 * adds to it and that the template does not show.
 */
function textOf(value: unknown, resources: Readonly<Record<string, Json>>): string {
  if (typeof value !== 'object' || value === null) {
    return String(value);
  }
  const json = asJson(value);
  if (Array.isArray(json['Fn::Join'])) {
    return list(json['Fn::Join'][1])
      .map((part) => textOf(part, resources))
      .join(String(json['Fn::Join'][0]));
  }
  if (Array.isArray(json['Fn::GetAtt'])) {
    const [id, attribute] = json['Fn::GetAtt'].map(String);
    const isLogGroup = resources[id ?? '']?.Type === 'AWS::Logs::LogGroup' && attribute === 'Arn';
    return isLogGroup ? `{${id}.Arn}:*` : `{${id}.${attribute}}`;
  }
  if ('Ref' in json) {
    return `{${String(json.Ref)}}`;
  }
  const members = Array.isArray(value)
    ? value
    : Object.entries(value).map(([name, member]) => `${name}=${textOf(member, resources)}`);
  return members.map((member) => textOf(member, resources)).join(', ');
}

/** Returns the resources of a template, by logical id. */
export function resourcesOf(template: Template): Readonly<Record<string, Json>> {
  return Object.fromEntries(
    Object.entries(asJson(template.toJSON().Resources)).map(([id, resource]) => [id, asJson(resource)]),
  );
}

/** Returns the properties of every resource of a type. */
export function propertiesOf(type: string, template: Template): Json[] {
  return Object.values(template.findResources(type)).map((resource) => asJson(asJson(resource).Properties));
}

/** @throws Error if the value is not an object */
export function asJson(value: unknown): Json {
  if (typeof value !== 'object' || value === null) {
    throw new Error('the value is not an object');
  }
  return Object.fromEntries(Object.entries(value));
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) {
    return [];
  }
  return Array.isArray(value) ? value : [value];
}

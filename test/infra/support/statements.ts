import type { Template } from 'aws-cdk-lib/assertions';

/** One statement of any policy of a template: of an identity, a resource, a key, an API or a trust. */
export interface Statement {
  /** Type of the resource that holds it. */
  readonly type: string;
  readonly logicalId: string;
  readonly effect: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly principals: readonly string[];
  /** `NotAction`, `NotResource` and `NotPrincipal`: they mean everything but something. */
  readonly negations: readonly string[];
  readonly condition: string;
  readonly sid: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Every statement of a template, those of Lambda's permissions in the same form. */
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

/** Whatever stands in a list called `Statement`, at any depth. */
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
 * A value as one string: references in braces by logical id. The ARN of a log group ends in `:*`, which no template
 * shows.
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

export function resourcesOf(template: Template): Readonly<Record<string, Json>> {
  return Object.fromEntries(
    Object.entries(asJson(template.toJSON().Resources)).map(([id, resource]) => [id, asJson(resource)]),
  );
}

/** Of every resource of a type. */
export function propertiesOf(type: string, template: Template): Json[] {
  return Object.values(template.findResources(type)).map((resource) => asJson(asJson(resource).Properties));
}

export function asJson(value: unknown): Json {
  if (typeof value !== 'object' || value === null) {
    throw new Error('this is no object');
  }
  return Object.fromEntries(Object.entries(value));
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) {
    return [];
  }
  return Array.isArray(value) ? value : [value];
}

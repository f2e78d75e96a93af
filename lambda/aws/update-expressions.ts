// Builds the expressions of one UpdateItem from what it sets, adds and removes. Called by item-update.ts and item-reset.ts.
import { type Attribute, schemaVersion } from './item-record.ts';

/** The expressions of one UpdateItem. */
export interface Update {
  readonly UpdateExpression: string;
  readonly ConditionExpression?: string;
  /** DynamoDB then answers an unmet condition with the item. */
  readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD';
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues: Readonly<Record<string, Attribute>>;
}

/** What an update is made of. */
export interface Terms {
  readonly set?: Readonly<Record<string, Attribute>>;
  readonly remove?: readonly string[];
  readonly addRejected?: readonly string[];
  readonly deleteRejected?: string;
  readonly addGeneration?: boolean;
  /** Names stand as `#name`, values as `:name`. */
  readonly condition?: string;
  readonly conditionValues?: Readonly<Record<string, Attribute>>;
}

/** Every write counts the revision up. An environment that read the item before cannot claim it then. */
export function express(terms: Terms): Update {
  const { set = {}, addRejected, deleteRejected, condition, conditionValues = {} } = terms;
  const text = clausesOf(terms);
  const rejected = addRejected ?? (deleteRejected === undefined ? undefined : [deleteRejected]);
  const values: Record<string, Attribute> = {
    schema: number(schemaVersion),
    one: number(1),
    ...set,
    ...(rejected !== undefined && { marks: { SS: rejected } }),
    ...conditionValues,
  };
  const used = `${text} ${condition ?? ''}`.match(/#\w+/g) ?? [];
  return {
    UpdateExpression: text,
    ...(condition !== undefined && {
      ConditionExpression: condition,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    }),
    ExpressionAttributeNames: Object.fromEntries(used.map((name) => [name, name.slice(1)])),
    ExpressionAttributeValues: Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value])),
  };
}

function clausesOf({ set = {}, remove = [], addRejected, deleteRejected, addGeneration }: Terms): string {
  const added = [
    '#revision :one',
    ...(addGeneration === true ? ['#generation :one'] : []),
    ...(addRejected === undefined ? [] : ['#marks :marks']),
  ];
  const assignments = [
    '#schema = if_not_exists(#schema, :schema)',
    ...Object.keys(set).map((name) => `#${name} = :${name}`),
  ];
  return [
    `SET ${assignments.join(', ')}`,
    `ADD ${added.join(', ')}`,
    ...(remove.length === 0 ? [] : [`REMOVE ${remove.map((name) => `#${name}`).join(', ')}`]),
    ...(deleteRejected === undefined ? [] : ['DELETE #marks :marks']),
  ].join(' ');
}

/** A number as DynamoDB's JSON has it. */
export function number(value: number): { readonly N: string } {
  return { N: String(value) };
}

/** Only if the item still has the revision with which it was read. */
export function asItWasRead(revision: number) {
  return revision === 0
    ? { condition: 'attribute_not_exists(#revision)', conditionValues: {} }
    : { condition: '#revision = :as_read', conditionValues: { as_read: number(revision) } };
}

/** Only if the latest claim is this one. */
export function ofOwner(owner: string) {
  return { condition: '#owner = :holder', conditionValues: { holder: { S: owner } } };
}

/** Operators' changes are refused on an item that a later version wrote. */
export const ofOurSchema = {
  condition: 'attribute_not_exists(#schema) OR #schema = :ours',
  conditionValues: { ours: number(schemaVersion) },
};

// Tests how one UpdateItem is put together from its terms (lambda/aws/update-expressions.ts).
import { describe, expect, test } from 'vitest';
import { express, number } from '../../../../lambda/aws/update-expressions.ts';

const counted = 'SET #schema = if_not_exists(#schema, :schema)';
const countedValues = { ':schema': { N: '1' }, ':one': { N: '1' } };

describe('an update', () => {
  test('counts the revision up and writes the schema of a new item when it changes nothing else', () => {
    expect(express({})).toStrictEqual({
      UpdateExpression: `${counted} ADD #revision :one`,
      ExpressionAttributeNames: { '#schema': 'schema', '#revision': 'revision' },
      ExpressionAttributeValues: countedValues,
    });
  });

  test('sets and removes attributes, each by its own name', () => {
    const update = express({ set: { owner: { S: 'o' }, slow: { BOOL: true } }, remove: ['seal', 'bound_to'] });

    expect(update.UpdateExpression).toBe(
      `${counted}, #owner = :owner, #slow = :slow ADD #revision :one REMOVE #seal, #bound_to`,
    );
    expect(update.ExpressionAttributeNames).toMatchObject({ '#owner': 'owner', '#bound_to': 'bound_to' });
    const values = { ...countedValues, ':owner': { S: 'o' }, ':slow': { BOOL: true } };
    expect(update.ExpressionAttributeValues).toStrictEqual(values);
  });

  test('removes nothing when the list is empty', () => {
    expect(express({ remove: [] }).UpdateExpression).toBe(`${counted} ADD #revision :one`);
  });

  test('adds rejections to the set, and raises the generation only when it is told to', () => {
    const { UpdateExpression, ExpressionAttributeValues } = express({ addRejected: ['a', 'b'], addGeneration: true });

    expect(UpdateExpression).toBe(`${counted} ADD #revision :one, #generation :one, #marks :marks`);
    expect(ExpressionAttributeValues).toStrictEqual({ ...countedValues, ':marks': { SS: ['a', 'b'] } });
    expect(express({ addGeneration: false }).UpdateExpression).toBe(`${counted} ADD #revision :one`);
  });

  test('deletes one rejection from the set', () => {
    const { UpdateExpression, ExpressionAttributeValues } = express({ deleteRejected: 'a' });

    expect(UpdateExpression).toBe(`${counted} ADD #revision :one DELETE #marks :marks`);
    expect(ExpressionAttributeValues).toStrictEqual({ ...countedValues, ':marks': { SS: ['a'] } });
  });

  test('names what only its condition uses, and passes the values of the condition', () => {
    const conditionValues = { holder: { S: 'o' } };

    expect(express({ condition: '#owner = :holder', conditionValues })).toStrictEqual({
      UpdateExpression: `${counted} ADD #revision :one`,
      ConditionExpression: '#owner = :holder',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      ExpressionAttributeNames: { '#schema': 'schema', '#revision': 'revision', '#owner': 'owner' },
      ExpressionAttributeValues: { ...countedValues, ':holder': { S: 'o' } },
    });
  });
});

test('writes a number as DynamoDB does', () => {
  expect([number(0), number(1_768_478_400_000)]).toEqual([{ N: '0' }, { N: '1768478400000' }]);
});

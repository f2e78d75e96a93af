// Tests an upgrade: the stacks of the version before, with the same settings, keep their resources (infra/ as a whole).
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Replaceables, replaceablesOf, replaced } from './support/replacements.ts';
import { asJson } from './support/statements.ts';
import { type StageName, templateOf } from './support/synth.ts';

const stageNames = ['minimal', 'full', 'private'] as const satisfies readonly StageName[];

/**
 * The resources of the version before, by stage and logical id, as `replaceablesOf` returned them. A change of this file
 * says that users lose a resource in an upgrade: the change log must then tell them what to do.
 */
const before: Record<(typeof stageNames)[number], Replaceables> = JSON.parse(
  readFileSync(new URL('./support/version-before.json', import.meta.url), 'utf8'),
);

test.each(stageNames)('an upgrade replaces no resource of stage %s', (stage) => {
  expect(replaced(before[stage], replaceablesOf(templateOf(stage).toJSON()))).toEqual([]);
});

test.each(stageNames)('an upgrade adds no resource to stage %s whose settings stay the same', (stage) => {
  expect(replaced(replaceablesOf(templateOf(stage).toJSON()), before[stage])).toEqual([]);
});

test.each(['AWS::KMS::Key', 'AWS::SecretsManager::Secret', 'AWS::DynamoDB::Table', 'AWS::ApiGateway::RestApi'])(
  'the check knows the %s of the version before, and finds its replacement',
  (type) => {
    const after = asJson(structuredClone(templateOf('minimal').toJSON()));
    const [id = ''] = Object.entries(before.minimal).find(([, resource]) => resource.type === type) ?? [];
    const { [id]: gone, ...others } = asJson(after.Resources);
    expect(gone).toBeDefined();
    expect(replaced(before.minimal, replaceablesOf({ Resources: { ...others, Renamed: gone } }))).toEqual([id]);
  },
);

test('the check finds a resource whose name or key changes', () => {
  const after = replaceablesOf(templateOf('minimal').toJSON());
  const [table = ''] = Object.keys(after).filter((id) => after[id]?.type === 'AWS::DynamoDB::Table');
  const renamed = { type: 'AWS::DynamoDB::Table', properties: { ...after[table]?.properties, TableName: 'tokens' } };
  expect(replaced(after, { ...after, [table]: renamed })).toEqual([table]);
});

// Tests that no deployment gives an account in use another secret (infra/resources/created-secret.ts, secret-rights.ts, environment.ts).
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../lambda/config.ts';
import { changedTypes, readable, readableThroughout, rightsIn } from './support/rights.ts';
import { asJson } from './support/statements.ts';
import { arns, stages, templateOf, templateWith } from './support/synth.ts';
import { variablesIn } from './support/variables.ts';

/**
 * The secrets, the policies and the variables of the version before, of stage `full`: `main`, whose secret CloudFormation named, and
 * `nit-2`, whose secret existed.
 */
const before = JSON.parse(readFileSync(new URL('./support/before-secret-names.json', import.meta.url), 'utf8'));
const mainSecret = 'BrokerCredentialsmainFD0BF075';

/** The resources of a template, without what the CDK only writes for itself. */
function resourcesOf(template: { toJSON: () => unknown }): Record<string, unknown> {
  const entries = Object.entries(asJson(asJson(template.toJSON()).Resources));
  return Object.fromEntries(
    entries.map(([id, resource]) => {
      const { Metadata: _, ...rest } = asJson(resource);
      return [id, rest];
    }),
  );
}

/** The stage `full` with other settings about names. */
function withNames(more: { main?: object; secretNames?: string; accounts?: object }) {
  const { main = {}, accounts = {}, ...settings } = more;
  const all = { main, 'nit-2': stages.full.accounts['nit-2'], ...accounts };
  return resourcesOf(templateWith({ ...stages.full, ...settings, accounts: all }));
}

/** The ids of the secrets that the function reads. */
function secretIdsOf(resources: unknown) {
  const parsed = parseConfig(variablesIn(resources));
  return 'config' in parsed ? Object.fromEntries(parsed.config.accounts) : parsed.faults;
}

describe('an upgrade from the version before with the same settings', () => {
  const after = resourcesOf(templateOf('full'));
  const { FEGORA_ACCOUNTS: _, ...others } = variablesIn(before);

  test('changes nothing of the secrets, their policies, or the rights of the role', () => {
    const unchanged = Object.entries(before).filter(
      ([, resource]) => asJson(resource).Type !== 'AWS::Lambda::Function',
    );
    expect(unchanged.length).toBeGreaterThan(3);
    expect(after).toMatchObject(Object.fromEntries(unchanged));
    expect(readable(rightsIn(before))).toEqual([mainSecret, arns.secret]);
    expect(readableThroughout(rightsIn(before), rightsIn(after))).toEqual([mainSecret, arns.secret]);
  });

  test('gives the function the same ids of secrets, to which stored tokens are bound', () => {
    expect(secretIdsOf(after)).toEqual(secretIdsOf(before));
    expect(secretIdsOf(after)).toMatchObject({ 'nit-2': arns.secret });
    expect(variablesIn(after)).toMatchObject(others);
  });
});

describe('accounts with names from ids beside those of the version before', () => {
  const after = withNames({ secretNames: 'from-ids', main: { secretName: 'generated' }, accounts: { nueva: {} } });

  test('leave the secrets and rights of before as they are, all the time', () => {
    const { [mainSecret]: secret, ...rest } = before;
    expect(after[mainSecret]).toEqual(secret);
    expect(changedTypes(rest, after)).toEqual([]);
    expect(readableThroughout(rightsIn(before), rightsIn(after))).toEqual([mainSecret, arns.secret]);
  });

  test('add only their ids to the variables', () => {
    expect(secretIdsOf(after)).toEqual({ ...secretIdsOf(before), nueva: 'fegora/stage/nueva' });
  });
});

describe('CloudFormation refuses the template, and changes nothing,', () => {
  const named = withNames({ secretNames: 'from-ids' });

  test('when an account of the version before would get a secret with another name', () => {
    expect(changedTypes(before, named)).toContain(mainSecret);
  });

  test('when an account with a named secret would get one with a generated name, for example in the version before', () => {
    expect(changedTypes(named, before)).toContain(mainSecret);
    expect(changedTypes(named, withNames({ secretNames: 'from-ids', main: { secretName: 'generated' } }))).toContain(
      mainSecret,
    );
  });

  test('but not when nothing changes, or when the account names its secret by secretArn', () => {
    expect(changedTypes(named, named)).toEqual([]);
    const kept = withNames({ main: { secretArn: arns.secret.replace('nit-2', 'main'), secretKeyArn: arns.secretKey } });
    expect(changedTypes(before, kept)).toEqual([]);
    expect(changedTypes(named, kept)).toEqual([]);
  });
});

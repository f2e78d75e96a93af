// The accounts that the CDK's command line drops from cdk.json (infra/settings/dropped.ts).
import { expect, test } from 'vitest';
import { checkDropped } from '../../../infra/settings/dropped.ts';

const cdkJson = (accounts: string) => `{"context": {"stages": {"dev": {"accounts": ${accounts}}}}}`;

test.each(['constructor', 'prototype', '__proto__'])('names the account %s, which the app does not see', (id) => {
  const text = `accounts.${id}: the CDK cannot take this id: choose another`;
  expect(() => checkDropped(cdkJson(`{"main": {}, "${id}": {}}`), 'dev')).toThrow(text);
});

test.each([
  ['has no such account', cdkJson('{"main": {}}'), 'dev'],
  ['has such an account in another stage', cdkJson('{"constructor": {}}'), 'prod'],
  ['has no stages', '{}', 'dev'],
  ['is not JSON', 'none', 'dev'],
])('accepts a file that %s', (_name, text, stage) => {
  expect(() => checkDropped(text, stage)).not.toThrow();
});

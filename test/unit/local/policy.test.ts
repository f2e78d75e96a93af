// Tests how the local run evaluates a policy (local/gateway/policy.ts).
import { describe, expect, test } from 'vitest';
import { isAllowed } from '../../../local/gateway/policy.ts';

const byTag = `POST/token/${'$'}{aws:PrincipalTag/fegora-account}`;

describe('isAllowed', () => {
  test.each<[string, string, string, boolean]>([
    ['the same text', 'POST/token/main', 'POST/token/main', true],
    ['a longer text', 'POST/token/main', 'POST/token/main2', false],
    ['a shorter text', 'POST/token/main', 'POST/token/mai', false],
    ['another case', 'POST/token/main', 'POST/token/Main', false],
    ['* at the end', 'POST/token/*', 'POST/token/main', true],
    ['* for slashes', 'POST/token/*', 'POST/token/a/b', true],
    ['* for nothing', 'POST/token/*', 'POST/token/', true],
    ['* for a line end', 'POST/token/*', 'POST/token/a\nb', true],
    ['* in the middle', 'POST/*/main', 'POST/token/x/main', true],
    ['* at the start', '*', 'POST/token', true],
    ['no path below a path without *', 'POST/token', 'POST/token/main', false],
    ['? for one character', 'account-?', 'account-a', true],
    ['? for one letter outside the basic plane', 'account-?', 'account-𝒶', true],
    ['? for two characters', 'account-?', 'account-ab', false],
    ['? for none', 'account-?', 'account-', false],
    ['. for another character', 'a.c', 'abc', false],
    ['characters of regular expressions', 'a+(b)[c]|d^$\\', 'a+(b)[c]|d^$\\', true],
    ['a wildcard in quotes', `a${'$'}{*}`, 'a*', true],
    ['a wildcard in quotes as a wildcard', `a${'$'}{*}`, 'ab', false],
    ['a variable that the local run does not know', `a${'$'}{aws:username}`, 'a', false],
  ])('compares %s', (_, pattern, resource, allowed) => {
    expect(isAllowed([pattern], resource)).toBe(allowed);
  });

  test.each<[string, Readonly<Record<string, string>>, string, boolean]>([
    ['the value of the tag', { 'fegora-account': 'tienda-1' }, 'tienda-1', true],
    ['a longer account', { 'fegora-account': 'tienda-1' }, 'tienda-10', false],
    ['a shorter account', { 'fegora-account': 'tienda-1' }, 'tienda', false],
    ['another account', { 'fegora-account': 'tienda-1' }, 'tienda-2', false],
    ['a value in capitals', { 'fegora-account': 'Tienda-1' }, 'tienda-1', false],
    ['a key in capitals', { 'Fegora-Account': 'tienda-1' }, 'tienda-1', true],
    ['another key', { account: 'tienda-1' }, 'tienda-1', false],
    ['no tag', {}, 'tienda-1', false],
    ['no tag, with the variable as text', {}, `${'$'}{aws:PrincipalTag/fegora-account}`, false],
    ['no tag, and an empty account', {}, '', false],
    ['an empty tag', { 'fegora-account': '' }, 'tienda-1', false],
    ['a star as a value, which IAM takes for no wildcard', { 'fegora-account': '*' }, 'tienda-1', false],
    ['a question mark as a value', { 'fegora-account': 'tienda-?' }, 'tienda-1', false],
    ['a variable as a value', { 'fegora-account': `${'$'}{*}` }, '*', false],
    ['a value with a slash', { 'fegora-account': 'a/b' }, 'a/b', true],
    ['a value with a dot', { 'fegora-account': 'a.b' }, 'a-b', false],
  ])('promise 67: compares %s', (_, tags, account, allowed) => {
    expect(isAllowed([byTag], `POST/token/${account}`, { tags })).toBe(allowed);
  });

  test('takes the default value of a variable only when the tag is absent', () => {
    const pattern = `token/${'$'}{aws:PrincipalTag/account, 'nobody'}`;
    expect(isAllowed([pattern], 'token/nobody')).toBe(true);
    expect(isAllowed([pattern], 'token/nobody', { tags: { account: 'main' } })).toBe(false);
    expect(isAllowed([pattern], 'token/main', { tags: { account: 'main' } })).toBe(true);
  });

  test('promise 67: allows nothing when a condition does not hold', () => {
    const conditions = { 'aws:PrincipalTag/fegora-account': '?*' };
    const allows = (tags: Readonly<Record<string, string>>) => isAllowed(['*'], 'x', { tags, conditions });
    expect([{}, { 'fegora-account': '' }, { 'fegora-account': 'a' }].map(allows)).toEqual([false, false, true]);
  });
});

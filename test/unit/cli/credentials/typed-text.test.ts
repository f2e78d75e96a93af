// Tests what may be stored of what a person typed (cli/credentials/typed-text.ts).
import { expect, test } from 'vitest';
import { typedText } from '../../../../cli/credentials/typed-text.ts';

test.each([
  '25365421',
  'contraseña',
  'a b',
  '\u{1d11e}',
  '\u{1f469}\u200d\u{1f467}',
  '\u2764\ufe0f',
  '\u0645\u200c\u06cc',
  '\ud800',
])('typedText returns "%s" as it is', (text) => {
  expect(typedText(text, 'password')).toBe(text);
});

test('promise 58: typedText drops a byte order mark at the start', () => {
  expect(typedText('\ufeffuser', 'username')).toBe('user');
});

test.each([
  ['contrase\ufffda', 'the password is not UTF-8'],
  ['a\u0000b', '(U+0000)'],
  ['a\tb', '(U+0009)'],
  ['a\rb', '(U+000D)'],
  ['a\u001b[A', '(U+001B)'],
  ['a\u0085', '(U+0085)'],
  ['a\u2028b', '(U+2028)'],
  ['a\u200bb', '(U+200B)'],
  ['a\u202eb', '(U+202E)'],
  ['a\ufeffb', '(U+FEFF)'],
  ...['ad', '61c', '180e', '3164', '115f', '34f', 'fe0f', 'e0041', 'fff9', 'e000', 'a0', '2003', '2800', 'ffff'].map(
    (code) => [`a${String.fromCodePoint(Number.parseInt(code, 16))}b`, `(U+${code.toUpperCase().padStart(4, '0')})`],
  ),
])('promise 58: typedText refuses the text %j, and does not repeat it', (text, fault) => {
  const refuse = () => typedText(text, 'password');
  expect(refuse).toThrow(fault);
  expect(refuse).not.toThrow(text);
});

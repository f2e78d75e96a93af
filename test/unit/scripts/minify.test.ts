// Tests how the client for `require` is made of the one for `import` (scripts/bundles/minify.ts). test/package/ uses it in projects.
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { asCommonJs } from '../../../scripts/bundles/minify.ts';

/** Runs CommonJS, and returns what it exports. */
function load(code: string): Record<string, unknown> {
  const exports = {};
  const modules: Record<string, object> = { 'node:a': { x: 1, z: 2 }, 'node:b': { name: 'whole' } };
  runInNewContext(code, { exports, require: (name: string) => modules[name] });
  return exports;
}

test('asCommonJs exports the same names when the module imports in every form, and after its first use', () => {
  const code =
    'var k="é",s=x=>$c.name+x;import{x as y,z}from"node:a";import $c from"node:b";var r=s("!");export{y as $1,z,r as R};';

  expect(load(asCommonJs(code, ['$1', 'z', 'R']))).toEqual({ $1: 1, z: 2, R: 'whole!' });
});

test('asCommonJs keeps the text between the imports and the exports', () => {
  const body = 'var k="é import{x}from";function f(){return k}';

  expect(asCommonJs(`import c from"node:b";${body}export{f as g,f as h};`, ['g'])).toBe(
    `"use strict";Object.defineProperty(exports,"__esModule",{value:true});const c=require("node:b");${body}exports.g=f;`,
  );
});

test('asCommonJs takes the default and names of one import', () => {
  expect(load(asCommonJs('import c,{x}from"node:a";export{c as whole,x};', ['whole', 'x']))).toEqual({
    whole: { x: 1, z: 2 },
    x: 1,
  });
});

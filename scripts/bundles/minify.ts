// Makes the bundles smaller than esbuild does, and the client of one format from the other. Called by function.ts and ../../build.ts.
import { readFile, writeFile } from 'node:fs/promises';
import { minify, parseSync } from '@swc/core';

/**
 * Minifies a file again, an ES module that esbuild has minified. swc puts more functions and constants into the places
 * that use them, and takes 4 to 10 % off. Its second run finds what the first has made possible; a third finds nothing.
 */
export async function minifyAgain(file: string): Promise<void> {
  let code = await readFile(file, 'utf8');
  for (let run = 0; run < 2; run++) {
    const minified = await minify(code, {
      module: true,
      ecma: 2020,
      compress: { passes: 2 },
      mangle: true,
      format: { comments: false },
    });
    code = minified.code;
  }
  await writeFile(file, code);
}

/**
 * Minifies the construct, which is CommonJS. The CDK and errors show the names of classes, so they stay. Each statement that
 * begins after 120 characters gets a line, because Node prints the line that throws an error.
 */
export async function minifyConstruct(file: string): Promise<void> {
  const bundled = await readFile(file, 'utf8');
  const reserved = [...bundled.matchAll(/\b([A-Z]\w+)\s?=\s?class\b/g)].flatMap(([, name = '']) => name);
  const { code } = await minify(bundled, {
    ecma: 2020,
    compress: { passes: 2, toplevel: true },
    mangle: { toplevel: true, reserved },
    format: { comments: false },
  });
  // Node finds the names of the exports by this line, which never runs, when the construct is imported.
  const [exported = ''] = /0&&\(module\.exports=\{[\w,]*\}\);?/.exec(bundled) ?? [];
  await writeFile(file, `${inLines(code)}\n${exported}\n`);
}

const longestLine = 120;

/** Breaks lines where a statement or a method begins, which changes no meaning. */
function inLines(code: string): string {
  const bytes = Buffer.from(code);
  const base = parseSync('', parseOptions).span.end;
  const lines: Buffer[] = [];
  let from = 0;
  for (const at of startsIn(parseSync(code, parseOptions)).sort((one, other) => one - other)) {
    if (at - base - from > longestLine) {
      lines.push(bytes.subarray(from, at - base));
      from = at - base;
    }
  }
  return [...lines, bytes.subarray(from)].map(String).join('\n');
}

/** Where statements and methods begin, at any depth. */
function startsIn(node: unknown): number[] {
  if (typeof node !== 'object' || node === null) {
    return [];
  }
  const { type, span } = Object(node);
  const own = /(Statement|Declaration|Method|Constructor)$/.test(String(type)) ? [Number(span.start)] : [];
  return [...own, ...Object.values(node).flatMap(startsIn)];
}

/**
 * Returns a bundle for `require` with the text of the bundle for `import`, except for its imports and exports. gzip then
 * packs the second file as a reference to the first one, if both are neighbours in the tarball and have under 32 KB.
 *
 * @param code an ES module as `minifyAgain` writes it: `import a,{b as c}from"m";` and `export{d as e};`
 * @param names what the bundle for `require` exports
 */
export function asCommonJs(code: string, names: readonly string[]): string {
  const statements = statementsOf(code);
  const imports = statements.filter(({ type }) => type === 'ImportDeclaration');
  const others = statements.filter(({ type }) => type !== 'ImportDeclaration');
  return [
    '"use strict";Object.defineProperty(exports,"__esModule",{value:true});',
    // An import is there before the first statement, wherever it stands.
    ...imports.map(({ text }) => requireOf(text)),
    ...others.map(({ type, text }) => (type === 'ExportNamedDeclaration' ? assignmentsOf(text, names) : text)),
  ].join('');
}

const parseOptions = { syntax: 'ecmascript', target: 'es2024' } as const;

function statementsOf(code: string): { readonly type: string; readonly text: string }[] {
  const bytes = Buffer.from(code);
  // Positions go on from the text that was parsed before.
  const base = parseSync('', parseOptions).span.end;
  return parseSync(code, parseOptions).body.map(({ type, span: { start, end } }) => {
    return { type, text: bytes.subarray(start - base, end - base).toString() };
  });
}

function requireOf(text: string): string {
  const [, whole, names, from] = /^import\s*([\w$]+)?,?(?:(\{.*\}))?\s*from(".*");?$/.exec(text) ?? [];
  const targets = [whole, names?.replaceAll(' as ', ':')].filter((target) => target !== undefined);
  return targets.map((target) => `const ${target}=require(${from});`).join('');
}

function assignmentsOf(text: string, exported: readonly string[]): string {
  const names = /^export\{(.*)\};?$/.exec(text)?.[1]?.split(',') ?? [];
  const pairs = names.map((name) => name.split(' as ')).map(([local, name = local]) => ({ local, name: `${name}` }));
  return pairs
    .filter(({ name }) => exported.includes(name))
    .map(({ local, name }) => `exports.${name}=${local};`)
    .join('');
}

// Reads functions, names and identifiers of TypeScript files, with swc. Called by structure.ts and words.ts.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from '@swc/core';

/** What structure.ts and words.ts ask of one file. */
export interface SourceCode {
  readonly path: string;
  readonly text: string;
  /** Lines of each function that has a body in braces, from its first line to its last. */
  readonly functionLines: readonly number[];
  /** Names of constants, functions, classes, interfaces and types, exported or not, outside all functions. */
  readonly declared: readonly string[];
  /** Every identifier and member name, as often as it occurs. */
  readonly identifiers: readonly string[];
}

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null;
}

/** Visits `value` and everything inside it that is an object. */
function* walk(value: unknown): Generator<Node> {
  if (Array.isArray(value)) {
    for (const item of value) {
      yield* walk(item);
    }
  } else if (isNode(value)) {
    yield value;
    yield* walk(Object.values(value));
  }
}

const functionTypes = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression', 'ClassMethod'];

function isFunctionWithBody({ type, body }: Node): boolean {
  const kind = isNode(body) ? String(body.type) : '';
  return functionTypes.includes(String(type)) && (kind === 'BlockStatement' || kind === 'FunctionBody');
}

function linesOf({ span }: Node, text: Buffer, base: number): number {
  const { start, end } = isNode(span) ? span : {};
  return text
    .subarray(Number(start) - base, Number(end) - base)
    .toString()
    .split('\n').length;
}

function declaredIn(statement: unknown): string[] {
  const item = isNode(statement) && isNode(statement.declaration) ? statement.declaration : statement;
  if (!isNode(item)) {
    return [];
  }
  const declarations = Array.isArray(item.declarations) ? item.declarations : [item];
  const ids: unknown[] = declarations.map((declaration: Node) => declaration.id ?? declaration.identifier);
  return ids.flatMap((id) => (isNode(id) && typeof id.value === 'string' ? [id.value] : []));
}

/** Reads one file. `path` is relative to `root`. */
function readSource(root: string, path: string): SourceCode {
  const text = readFileSync(join(root, path), 'utf8');
  const options = { syntax: 'typescript', target: 'es2024' } as const;
  // Positions go on from the file that was parsed before.
  const base = parseSync('', options).span.end;
  const module = parseSync(text, options);
  const nodes = [...walk(module.body)];
  const bytes = Buffer.from(text);
  return {
    path,
    text,
    functionLines: nodes.filter(isFunctionWithBody).map((node) => linesOf(node, bytes, base)),
    declared: module.body.flatMap(declaredIn),
    identifiers: nodes.flatMap(({ type, value }) =>
      type === 'Identifier' && typeof value === 'string' ? [value] : [],
    ),
  };
}

/** Reads the TypeScript files of `folders` below `root`, in the order of their paths. */
export function readSources(root: string, folders: readonly string[]): SourceCode[] {
  const paths = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }));
  return paths
    .filter((path) => !path.includes('node_modules/') && !path.endsWith('.d.ts'))
    .sort()
    .map((path) => readSource(root, path));
}

// Reads functions, names and identifiers of TypeScript files, with swc. Called by structure.ts and words.ts.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from '@swc/core';

/** What structure.ts and words.ts ask of one file. */
export interface SourceCode {
  readonly path: string;
  readonly text: string;
  /** Each function that has a body in braces. */
  readonly functions: readonly FunctionLength[];
  /** Names of constants, functions, classes, interfaces and types, exported or not, outside all functions. */
  readonly declared: readonly string[];
  /** Every identifier and member name, as often as it occurs. */
  readonly identifiers: readonly string[];
}

/** Lines of a function, from its first to its last. */
export interface FunctionLength {
  readonly lines: number;
  /** The same, with one line for each function inside it: a factory is as long as what it does itself. */
  readonly ownLines: number;
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

/** Measures every function of a parsed file. `base` is the position at which the file starts. */
function measureFunctions(nodes: readonly Node[], text: Buffer, base: number): FunctionLength[] {
  const functions = nodes.filter(isFunctionWithBody).map(({ span }) => {
    const { start, end } = isNode(span) ? span : {};
    const [from, to] = [Number(start) - base, Number(end) - base];
    return { from, to, lines: text.subarray(from, to).toString().split('\n').length };
  });
  type Place = (typeof functions)[number];
  const isInside = (one: Place, other: Place) => one !== other && one.from >= other.from && one.to <= other.to;
  return functions.map((outer) => {
    const inside = functions.filter((inner) => isInside(inner, outer));
    const direct = inside.filter((inner) => !inside.some((other) => isInside(inner, other)));
    return { lines: outer.lines, ownLines: direct.reduce((sum, { lines }) => sum - lines + 1, outer.lines) };
  });
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
  return {
    path,
    text,
    functions: measureFunctions(nodes, Buffer.from(text), base),
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

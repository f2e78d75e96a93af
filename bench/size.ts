import { basename } from 'node:path';
import type { Contestant, Field } from './contestants.ts';

/** What a bundle weighs. Bytes. */
export interface Size {
  readonly name: string;
  /** What every process loads. */
  readonly outright: number;
  /** With what is loaded when it is needed. */
  readonly all: number;
  /** What every process loads, by where it comes from, the largest first. */
  readonly parts: Readonly<Record<string, number>>;
}

/** The broker first, then the peers. */
export function sizesOf({ broker, peers }: Field): readonly Size[] {
  return [broker, ...peers].map(sizeOf);
}

function sizeOf({ name, outputs }: Contestant): Size {
  const files = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
  const outright = ['index.mjs'];
  for (const file of outright) {
    const imports = files.get(file)?.imports ?? [];
    const next = imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => basename(path));
    outright.push(...next.filter((path) => files.has(path) && !outright.includes(path)));
  }
  const loaded = outright.map((file) => files.get(file)).filter((output) => output !== undefined);
  const inputs = loaded.flatMap((output) => Object.entries(output.inputs));
  const parts = new Map<string, number>();
  for (const [input, { bytesInOutput }] of inputs) {
    const part = /node_modules\/(@[^/]+\/[^/]+|[^/]+)/.exec(input)?.[1] ?? input.replace(/[:/].*$/, '');
    parts.set(part, (parts.get(part) ?? 0) + bytesInOutput);
  }
  const sum = (sizes: readonly { readonly bytes: number }[]) => sizes.reduce((total, { bytes }) => total + bytes, 0);
  const sorted = [...parts].filter(([, bytes]) => bytes > 0).toSorted(([, a], [, b]) => b - a);
  return { name, outright: sum(loaded), all: sum([...files.values()]), parts: Object.fromEntries(sorted) };
}

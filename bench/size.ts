// Measures the size of the bundles. Called by main.ts.
import { basename } from 'node:path';
import type { Contestant, Contestants } from './contestants.ts';

/** The size of a bundle. Bytes. */
export interface Size {
  readonly name: string;
  /** What every process loads at init. */
  readonly outright: number;
  /** The total, with what is loaded later. */
  readonly all: number;
  /** What every process loads at init, by package, largest first. */
  readonly parts: Readonly<Record<string, number>>;
}

/** The sizes of the broker and then of the peers. */
export function sizesOf({ broker, peers }: Contestants): readonly Size[] {
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

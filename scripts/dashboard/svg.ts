// The parts that every widget of the picture is drawn with. Called by draw.ts, graph.ts and tables.ts.

/** A box in pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Readable on light and on dark pages, in the order in which lines get them. */
const palette = ['#3b7dd8', '#e0752d', '#2f9e6e', '#c2477f', '#8a63d2', '#1b9aaa', '#a8842c'];

/** Colours are classes, because only a style sheet can follow the reader's theme. */
export const style = [
  'text{font:9.5px system-ui,sans-serif;fill:#16191f}',
  '.b{font-weight:600}.h{font-size:11px}.q{font-size:13px}.m{fill:#5b6673}.r{fill:#fff}.e{text-anchor:end}',
  '.p{fill:#eef1f4}.c{fill:#fff;stroke:#d5dbe1}.g{stroke:#e3e7eb}.t{fill:#f5f7f9}.on{fill:#c9302c}.ok{fill:#2f9e6e}.a{stroke:#c9302c;stroke-dasharray:4 3}',
  'path{fill:none;stroke-width:1.3}',
  ...palette.map((colour, at) => `.s${at}{stroke:${colour}}.f${at}{fill:${colour}}`),
  '.area{stroke:none;fill-opacity:.45}',
  '@media(prefers-color-scheme:dark){text{fill:#dde3ea}.m{fill:#98a4b3}.p{fill:#0d1117}.c{fill:#161b22;stroke:#30363d}.g{stroke:#2a313a}.t{fill:#1c232c}}',
].join('\n');

/** The classes of a line and of an area. */
export function colourOf(at: number): { readonly line: string; readonly area: string } {
  const of = at % palette.length;
  return { line: `s${of}`, area: `f${of}` };
}

/** How wide a character of most texts is, in the widest of the usual fonts. */
const characterWidth = 5.7;

/** @returns about the width of a text, in pixels */
export function widthOf(content: string): number {
  return content.length * characterWidth;
}

/** The same, but cuts the beginning. */
export function cutStart(content: string, width: number): string {
  const most = Math.max(1, Math.floor(width / characterWidth));
  return content.length <= most ? content : `…${content.slice(content.length - most + 1)}`;
}

/** Cuts a text that is wider than this, and marks that it did. */
export function cut(content: string, width: number): string {
  const most = Math.max(1, Math.floor(width / characterWidth));
  return content.length <= most ? content : `${content.slice(0, most - 1)}…`;
}

/** @param classes separated by spaces: `m` muted, `b` bold, `h` a title, `e` ends at x */
export function text(x: number, y: number, content: string, classes = ''): string {
  const attribute = classes === '' ? '' : ` class="${classes}"`;
  return `<text x="${short(x)}" y="${short(y)}"${attribute}>${escaped(content)}</text>`;
}

export function box({ x, y, width, height }: Box, classes: string, radius = 0): string {
  const corner = radius === 0 ? '' : ` rx="${radius}"`;
  return `<rect x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"${corner} class="${classes}"/>`;
}

/** A straight line from left to right. */
export function rule(x: number, y: number, width: number, classes: string): string {
  return `<path d="M${short(x)} ${short(y)}h${short(width)}" class="${classes}"/>`;
}

/** A number with at most one digit after the point: the file is shorter, and looks the same. */
export function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

// The frame, the style and the parts that the diagrams are drawn with. Called by flow.ts and token-life.ts.
import { box, short, text } from '../dashboard/svg.ts';

/** Pixels: as wide as the text of a page on GitHub, so that nothing is scaled. */
export const width = 860;

/**
 * Each diagram has a background of its own. A browser follows the theme of the machine in a picture, and GitHub may show
 * the page in the other one.
 */
const style = [
  'text{font:13px system-ui,sans-serif;fill:#16191f}',
  '.b{font-weight:600}.l{font-size:12px}.m{fill:#57606a}.e{text-anchor:end}.c{text-anchor:middle}.w{fill:#fff}',
  '.p{fill:#f6f8fa}.n{fill:#fff;stroke:#8c959f}.k{fill:#2f7d5b;stroke:none}.k2{fill:#8fc7ab}.k3{fill:#d0d7de}.x{fill:#f3c6c3}',
  'path{fill:none;stroke:#57606a;stroke-width:1.4}.t{stroke:#d0d7de;stroke-width:1}.f{stroke:#c9302c;stroke-width:1.8}.h{fill:#57606a;stroke:none}',
  '.d{fill:#0b3d2a}.r{fill:#a3231f}',
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.m{fill:#9da7b1}.w{fill:#fff}.p{fill:#161b22}.n{fill:#22272e;stroke:#6e7681}.k3{fill:#3d444d}.x{fill:#5c2422}.k2{fill:#1f5c42}path{stroke:#9da7b1}.t{stroke:#3d444d}.f{stroke:#ff7b72}.h{fill:#9da7b1;stroke:none}.d{fill:#d7f5e5}.r{fill:#ff9a92}}',
].join('\n');

/** Returns the SVG text of a diagram. `title` is for readers who do not see the picture. */
export function frame(title: string, height: number, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${title}</title>
<style>
${style}
</style>
${[box({ x: 0, y: 0, width, height }, 'p', 6), ...parts].join('\n')}
</svg>
`;
}

/** Lines of text, the first one at `y`. */
export function lines(x: number, y: number, content: readonly string[], classes = ''): string[] {
  return content.map((line, at) => text(x, y + at * 16, line, classes));
}

/** A line through points, with a head at its end, and at its start too if `both`. */
export function arrow(points: readonly (readonly [x: number, y: number])[], both = false): string[] {
  const path = points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${short(x)} ${short(y)}`).join('');
  const heads = [head(points.at(-2), points.at(-1)), ...(both ? [head(points[1], points[0])] : [])];
  return [`<path d="${path}"/>`, ...heads];
}

/** The head of an arrow that comes from `from`. All arrows are level or upright. */
function head(
  [fromX, fromY] = [0, 0] as readonly [number, number],
  [x, y] = [0, 0] as readonly [number, number],
): string {
  const [dx, dy] = [Math.sign(x - fromX), Math.sign(y - fromY)];
  const corner = (side: number) => `${short(x - 8 * dx + 4 * side * dy)} ${short(y - 8 * dy + 4 * side * dx)}`;
  return `<path class="h" d="M${short(x)} ${short(y)}L${corner(1)}L${corner(-1)}Z"/>`;
}

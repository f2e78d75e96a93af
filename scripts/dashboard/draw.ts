// Draws a dashboard as an SVG picture. Called by dashboard-picture.ts.
import { drawGraph } from './graph.ts';
import type { Widget } from './read.ts';
import { type Box, box, cut, style, text } from './svg.ts';
import { drawAlarms, drawTable } from './tables.ts';

/** Pixels of a unit of the grid: 24 are as wide as a page on GitHub. */
const unit = { width: 35.5, height: 34 };
const titleHeight = 22;

/** Returns the SVG text. */
export function drawDashboard(widgets: readonly Widget[]): string {
  const width = 24 * unit.width + 8;
  const height = Math.max(...widgets.map(({ y, height: units }) => y + units)) * unit.height + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">The dashboard of a broker, with made-up data</title>
<style>
${style}
</style>
${box({ x: 0, y: 0, width, height }, 'p', 6)}
${widgets.flatMap(drawWidget).join('\n')}
</svg>
`;
}

function drawWidget(widget: Widget): string[] {
  const { type, properties } = widget;
  const outer = {
    x: widget.x * unit.width + 7,
    y: widget.y * unit.height + 5,
    width: widget.width * unit.width - 6,
    height: widget.height * unit.height - 6,
  };
  if (type === 'text') {
    return drawQuestion(properties.markdown ?? '', outer);
  }
  const inner = { ...outer, y: outer.y + titleHeight, height: outer.height - titleHeight - 4 };
  const draw = { alarm: drawAlarms, metric: drawGraph, log: drawTable }[type];
  const title = text(outer.x + 9, outer.y + 15, cut(properties.title ?? '', (outer.width - 14) * 0.8), 'b h');
  return [box(outer, 'c', 4), title, ...draw(properties, inner)];
}

/** The Markdown of the questions has only bold text. */
function drawQuestion(markdown: string, { x, y, height }: Box): string[] {
  const [, bold = '', rest = markdown] = /^\*\*(.+?)\*\* (.*)$/.exec(markdown) ?? [];
  const baseline = y + height / 2 + 6;
  return [`<text x="${x + 2}" y="${baseline}" class="q"><tspan class="b">${bold}</tspan> ${rest}</text>`];
}

// Draws a graph of the dashboard. Called by draw.ts.
import { dataOf, points } from './data.ts';
import type { Properties } from './read.ts';
import { type Line, lineOf } from './series.ts';
import { type Box, box, colourOf, cutStart, rule, short, text, widthOf } from './svg.ts';

/** One line that is drawn. */
interface Drawn {
  readonly label: string;
  readonly isRight: boolean;
  readonly values: readonly (number | undefined)[];
}

const legendRow = 12;

/** The graph inside its box, without the title. */
export function drawGraph({ metrics = [], stacked = false, annotations, yAxis }: Properties, area: Box): string[] {
  const drawn = metrics.flatMap((entry) => drawnOf(lineOf(entry)));
  const legend = drawLegend(drawn, area);
  const plot = {
    x: area.x + 37,
    y: area.y + 5,
    width: area.width - 47 - (drawn.some(({ isRight }) => isRight) ? 22 : 0),
    height: area.height - 26 - legend.height,
  };
  const alarms = (annotations?.horizontal ?? []).map(({ value }) => value);
  const left = drawn.filter(({ isRight }) => !isRight);
  const right = drawn.filter(({ isRight }) => isRight);
  const top = niceTop(Math.max(highest(left, stacked), ...alarms));
  const rightTop = niceTop(highest(right, false));
  return [
    ...drawAxes(plot, top, yAxis?.left?.label),
    ...(right.length === 0 ? [] : drawRightAxis(plot, rightTop)),
    ...(stacked ? drawAreas(left, plot, top) : left.flatMap((one, at) => drawLine(one, at, plot, top))),
    ...right.flatMap((one, at) => drawLine(one, left.length + at, plot, rightTop)),
    ...alarms.map((value) => rule(plot.x, plot.y + plot.height * (1 - value / top), plot.width, 'a')),
    ...legend.parts,
  ];
}

/** A search finds several lines, highest first. CloudWatch fills in its label for each of them. */
function drawnOf(line: Line): Drawn[] {
  const sumOf = (values: Drawn['values']) => values.reduce<number>((sum, value = 0) => sum + value, 0);
  const found = dataOf(line).toSorted((one, other) => sumOf(other.values) - sumOf(one.values));
  return found.map(({ values, found: value = '' }) => ({
    label: line.label.replace(/\$\{PROP\('[\w.]+'\)\}/, value).replace(`\${SUM}`, String(sumOf(values))),
    isRight: line.isRight,
    values,
  }));
}

function highest(drawn: readonly Drawn[], stacked: boolean): number {
  const at = (point: number) => drawn.map(({ values }) => values[point] ?? 0);
  const tops = Array.from({ length: points }, (_, point) =>
    stacked ? at(point).reduce((sum, value) => sum + value, 0) : Math.max(0, ...at(point)),
  );
  return Math.max(...tops);
}

/** The least of 1, 2, 4, 5, 6, 8 or 10 times a power of ten that is not below the value; 1 for nothing. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

function drawAxes(plot: Box, top: number, label?: string): string[] {
  const unit = label === undefined ? '' : ` ${label}`;
  const bottom = plot.y + plot.height;
  const levels = [0, 0.5, 1].flatMap((share) => {
    const y = bottom - plot.height * share;
    return [
      rule(plot.x, y, plot.width, 'g'),
      text(plot.x - 4, y + 3, `${numberText(top * share)}${share === 1 ? unit : ''}`, 'm e'),
    ];
  });
  const times = ['00:00', '06:00', '12:00'].map((time, at) =>
    text(plot.x + (plot.width * at) / 2 + (at === 2 ? 0 : 10), bottom + 12, time, 'm e'),
  );
  return [...levels, ...times];
}

function drawRightAxis(plot: Box, top: number): string[] {
  const x = plot.x + plot.width + 4;
  return [0, 0.5, 1].map((share) => text(x, plot.y + plot.height * (1 - share) + 3, numberText(top * share), 'm'));
}

function numberText(value: number): string {
  return value >= 1000 ? `${short(value / 1000)}k` : String(Math.round(value * 1000) / 1000);
}

/** Lines end where there is no value, as in CloudWatch. */
function drawLine({ values }: Drawn, at: number, plot: Box, top: number): string[] {
  let isDown = false;
  const steps = values.map((value, point) => {
    const command = isDown ? 'L' : 'M';
    isDown = value !== undefined;
    return value === undefined ? '' : `${command}${placeOf(point, value, plot, top)}h.1`;
  });
  const path = steps.join('').replaceAll(/h\.1(?=L)/g, '');
  return path === '' ? [] : [`<path d="${path}" class="${colourOf(at).line}"/>`];
}

function placeOf(point: number, value: number, plot: Box, top: number): string {
  const x = plot.x + (plot.width * point) / (points - 1);
  return `${short(x)} ${short(plot.y + plot.height * (1 - value / top))}`;
}

/** Each area lies on the ones before it. Lines that have no value, or only zeros, have no area. */
function drawAreas(drawn: readonly Drawn[], plot: Box, top: number): string[] {
  const floor = Array.from({ length: points }, () => 0);
  return drawn.flatMap(({ values }, at) => {
    if (values.every((value = 0) => value === 0)) {
      return [];
    }
    const lower = floor.map((value, point) => placeOf(point, value, plot, top)).reverse();
    const upper = floor.map((value, point) => placeOf(point, value + (values[point] ?? 0), plot, top));
    for (const point of floor.keys()) {
      floor[point] = (floor[point] ?? 0) + (values[point] ?? 0);
    }
    const { line, area } = colourOf(at);
    return [
      `<path d="M${flat(upper)}L${flat(lower)}z" class="area ${area}"/>`,
      `<path d="M${flat(upper)}" class="${line}"/>`,
    ];
  });
}

/** Leaves out the places between two of the same height. */
function flat(places: readonly string[]): string {
  const heights = places.map((place) => place.split(' ')[1]);
  const kept = places.filter((_, at) => heights[at - 1] !== heights[at] || heights[at + 1] !== heights[at]);
  return kept.join('L');
}

/** Below the plot, from left to right, in as many rows as needed. */
function drawLegend(drawn: readonly Drawn[], area: Box): { readonly parts: string[]; readonly height: number } {
  const rows: string[][] = [[]];
  let x = 0;
  const placed = drawn.map(({ label }, at) => {
    // The end of an ARN says more than its beginning.
    const shown = cutStart(label, area.width - 30);
    const width = 14 + widthOf(shown);
    if (x > 0 && x + width > area.width - 10) {
      rows.push([]);
      x = 0;
    }
    const place = { x: area.x + 10 + x, row: rows.length - 1, shown, at };
    x += width + 6;
    return place;
  });
  const height = rows.length * legendRow;
  const first = area.y + area.height - height + 4;
  const parts = placed.flatMap((place) => {
    const y = first + place.row * legendRow;
    const swatch = { x: place.x, y: y - 7, width: 8, height: 8 };
    return [box(swatch, colourOf(place.at).area, 1), text(place.x + 11, y, place.shown)];
  });
  return { parts, height };
}

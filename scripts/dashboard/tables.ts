// Draws the states of alarms and the tables of the dashboard. Called by draw.ts.
import { ringing, rowsOf } from './data.ts';
import type { Properties } from './read.ts';
import { columnsOf } from './series.ts';
import { type Box, box, cut, text, widthOf } from './svg.ts';

const tileHeight = 20;
const tilesInRow = 6;

/** One tile for each alarm, those that ring first. */
export function drawAlarms({ alarms = [] }: Properties, area: Box): string[] {
  const width = (area.width - 12) / tilesInRow;
  const sorted = [...alarms.filter((id) => ringing.has(id)), ...alarms.filter((id) => !ringing.has(id))];
  return sorted.flatMap((id, at) => {
    const x = area.x + 8 + (at % tilesInRow) * width;
    const y = area.y + Math.floor(at / tilesInRow) * (tileHeight + 4);
    const tile = { x, y, width: width - 5, height: tileHeight };
    return ringing.has(id)
      ? [box(tile, 'on', 3), text(x + 9, y + 13.5, `! ${id}`, 'r b')]
      : [box(tile, 't', 3), box({ ...tile, width: 3 }, 'ok'), text(x + 9, y + 13.5, id)];
  });
}

const rowHeight = 14;

/** The result of a query. Columns are as wide as their texts need, if there is room. */
export function drawTable({ title = '', query = '' }: Properties, area: Box): string[] {
  const columns = columnsOf(query);
  const rows = [columns, ...rowsOf(title, columns)].slice(0, Math.floor(area.height / rowHeight));
  const widths = widthsOf(rows, area.width - 16);
  return rows.flatMap((row, at) => {
    const y = area.y + at * rowHeight;
    const stripe = at % 2 === 1 ? [box({ x: area.x + 6, y, width: area.width - 12, height: rowHeight }, 't')] : [];
    let x = area.x + 9;
    const cells = row.flatMap((cell, column) => {
      const width = widths[column] ?? 0;
      const shown = cut(cell, width - 6);
      x += width;
      return shown === '' ? [] : [text(x - width, y + 10.5, shown, at === 0 ? 'b m' : '')];
    });
    return [...stripe, ...cells];
  });
}

/** The widest columns give way. */
function widthsOf(rows: readonly (readonly string[])[], available: number): number[] {
  const wanted = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? '') + 8)));
  const spare = () => available - wanted.reduce((sum, width) => sum + width, 0);
  while (spare() < 0) {
    const widest = wanted.indexOf(Math.max(...wanted));
    wanted[widest] = (wanted[widest] ?? 0) - 5;
  }
  const extra = Math.min(20, spare() / wanted.length);
  return wanted.map((width) => width + extra);
}

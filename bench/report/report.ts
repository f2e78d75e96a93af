// Writes the results as text. Called by main.ts.
import type { ContestantResult, Results } from './results.ts';

type Cell = string | number | undefined;

/** The results as Markdown tables. */
export function report(results: Results): string {
  const { machine, cold, coldRatios, slowed, slowedRatios, warm, warmRatios, window, fleet, size, requests, load } =
    results;
  const sections = [`${machine.cores} × ${machine.cpu}, Node ${machine.node}`];
  sections.push(...coldStarts('Cold start, ms', cold, coldRatios));
  sections.push(...coldStarts('Cold start with the CPU of 512 MB, ms', slowed, slowedRatios));
  if (warm !== undefined) {
    const head = ['Warm, ms', 'p50', 'over the floor', 'p99', 'resident, MB'];
    sections.push(
      table(
        head,
        warm.map((one) => [...times(one, 3), whole((one.memory ?? 0) / 1e6)]),
      ),
    );
    sections.push(`time over the floor, powertools = 1: ${warmRatios?.powertools}`);
  }
  if (window !== undefined) {
    const { memoryHit, whileFailing, whileRenewing, elected, readsByEnvironment, logins } = window;
    const rows = Object.entries({ memoryHit, whileFailing, whileRenewing }).map(([name, spread]) => {
      return [name, spread?.p50, spread?.p99];
    });
    sections.push(table(['Renewal window, ms', 'p50', 'p99'], rows));
    sections.push(
      `${logins} login; its caller waited ${elected.join(', ')} ms; ${readsByEnvironment} table reads per environment in two phases of 20 s`,
    );
  }
  if (fleet !== undefined) {
    const rows = fleet.map(({ name, calls, errors, logins }) => [name, calls, errors, logins]);
    sections.push(table(['50 environments, 4 lifetimes', 'calls', 'errors', 'logins'], rows));
  }
  if (size !== undefined) {
    const rows = size.map(({ name, outright, all }) => [name, whole(outright / 1024), whole(all / 1024)]);
    sections.push(table(['Bundle, KB', 'loaded at init', 'total'], rows));
    const parts = Object.entries(size[0]?.parts ?? {}).map(([part, bytes]) => [part, (bytes / 1024).toFixed(1)]);
    sections.push(table(['Loaded by the broker at init', 'KB'], parts));
  }
  sections.push(...requestTimes(requests));
  if (load !== undefined) {
    const { calls, errors, logins, ms } = load;
    sections.push(
      table(
        ['Gateway, one minute', 'calls', 'errors', 'logins', 'p50', 'p99'],
        [['100 calls/s', calls, errors, logins, ms.p50, ms.p99]],
      ),
    );
  }
  return sections.join('\n\n');
}

function requestTimes(requests: Results['requests']): readonly string[] {
  if (requests === undefined) {
    return [];
  }
  const { cold, warm, bytes } = requests;
  const later = [warm.name, warm.p50.toFixed(1), undefined, warm.p99.toFixed(1)];
  const rows = [...cold.map((one) => times(one, 0)), later];
  return [
    table(['FegoraRequests, ms', 'p50', 'over the floor', 'p99'], rows),
    `${whole(bytes / 1024)} KB loaded at init`,
  ];
}

function coldStarts(title: string, results: Results['cold'], ratios: Results['coldRatios']): readonly string[] {
  if (results === undefined) {
    return [];
  }
  const head = [title, 'first answer', 'over the floor', 'p99', 'init', 'CPU over the floor'];
  const row = (one: ContestantResult) => [...times(one, 0), whole(one.initP50), whole(one.overCpu)];
  return [
    table(head, results.map(row)),
    `time over the floor, best peer = 1: login ${ratios?.login}, shared ${ratios?.shared}`,
  ];
}

function times({ name, p50, over, p99 }: ContestantResult, digits: number): Cell[] {
  return [name, ...[p50, over, p99].map((ms) => ms.toFixed(digits))];
}

function whole(value: number | undefined): Cell {
  return value === undefined ? undefined : Math.round(value);
}

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [head, ...rows].map((cells) => cells.map((cell) => String(cell ?? '')));
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)));
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [first = [], ...rest] = lines;
  return [first, rule, ...rest].map(line).join('\n');
}

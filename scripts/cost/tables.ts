// Writes bills as Markdown. Called by ../cost.ts.
import { arithmeticOf, costOf, type Line, numeral, sumOf } from './bill.ts';
import { assumed, type Costs } from './costs.ts';
import { billedBytes, ownBytes } from './log-bytes.ts';
import { type Price, prices, readOn } from './prices.ts';

/** All tables, as docs/operations.md has them. */
export function tablesOf(costs: Costs): string {
  return [
    restTable(costs),
    yearTable(costs),
    growthTable(costs),
    millionTable(costs),
    assumptions(costs),
    priceTable(),
  ].join('\n\n');
}

function restTable({ atRest, dashboard }: Costs): string {
  return table(
    '**At rest**, a month: one account, no calls.',
    ['', 'arithmetic', 'USD', 'version 1'],
    [
      ...atRest.map(rowOf),
      ['**sum without the dashboard**', '', bold(sumOf(atRest)), beforeOf(atRest)],
      [
        'dashboard, if the AWS account has three others',
        arithmeticOf(dashboard),
        usd(costOf(dashboard)),
        beforeOf([dashboard]),
      ],
      ['**sum with it**', '', bold(sumOf([...atRest, dashboard])), beforeOf([...atRest, dashboard])],
    ],
  );
}

/** AWS bills the first two rotations of a key, and no later one. */
function yearTable({ atRest, dashboard, stack }: Costs): string {
  if (stack.rotationDays === undefined) {
    return 'The key does not rotate, so it costs the same in each year.';
  }
  const rotated = [0, 1, 2].map((rotations) => rotations * Number(prices.rotation.usd));
  const sums = (lines: readonly Line[]) => rotated.map((more) => usd(sumOf(lines) + more));
  return table(
    `The key rotates every ${stack.rotationDays} days. AWS adds a dollar a month for the first rotation and for the second, not for later ones:`,
    ['a month at rest', 'until the first rotation', 'until the second', 'from then on'],
    [
      ['without the dashboard', ...sums(atRest)],
      ['with it', ...sums([...atRest, dashboard])],
    ],
  );
}

function growthTable({ firstCaller, nextCaller, nextAccount, secret }: Costs): string {
  const named = (what: string, lines: readonly Line[]) =>
    lines.map((line) => rowOf({ ...line, what: `${what}: ${line.what}` }));
  return table(
    '**What comes on top**, a month, if callers ask in every hour:',
    ['', 'arithmetic', 'USD', 'version 1'],
    [
      ...named('first caller', firstCaller),
      ...named('each further caller', nextCaller),
      ...named('each further account', nextAccount),
      ['**each further account**', '', bold(sumOf(nextAccount)), beforeOf(nextAccount)],
      rowOf(secret),
    ],
  );
}

function millionTable({ direct, api }: Costs): string {
  const rows = [
    ...direct.map((line) => rowOf({ ...line, what: `direct: ${line.what}` })),
    ['**a million direct calls**', '', bold(sumOf(direct)), beforeOf(direct)],
    ...api.map((line) => rowOf({ ...line, what: `API: ${line.what}` })),
    ['**a million calls of the API**', '', bold(sumOf(api)), beforeOf(api)],
  ];
  return table('**A million calls** that are answered from memory:', ['', 'arithmetic', 'USD', 'version 1'], rows);
}

function assumptions({ stack, calls }: Costs): string {
  const { lifetime, callMs, warmUpMs, unitsOfWrite, betweenKeyCalls } = assumed;
  return [
    `Counted: the metrics, lines and calls of the real function, with names of 64 characters for the function, the roles and their`,
    `sessions; the alarms, the key, the secrets and the settings of the synthesised template. A direct call makes`,
    `${billedBytes(calls.directLines)} bytes of log, with the 26 that CloudWatch adds to a line. The system log level is`,
    `${stack.systemLogLevel}: for a call that succeeds, Lambda itself adds ${ownBytes(stack.systemLogLevel)} bytes (at INFO ${ownBytes('INFO')}).`,
    `Assumed: tokens of ${lifetime} minutes; Lambda bills a call as ${callMs} ms, and a warm-up as ${warmUpMs} ms for each account, of`,
    `${stack.memoryMb} MB; items are under 4 KB, so that a write is ${unitsOfWrite} units; DynamoDB calls the key every ${betweenKeyCalls} minutes.`,
    'Not counted: free tiers, stored bytes (under a cent at rest), data transfer, cold starts, calls of AWS in the name of operators.',
  ].join('\n');
}

function priceTable(): string {
  const rows = Object.values<Price>(prices).map(({ what, usd: price, per = 1, service, source }) => [
    per === 1 ? what : `${numeral(per)} ${what}`,
    price,
    `[${service}](https://aws.amazon.com/${service}/pricing/)`,
    source,
  ]);
  return table(
    `**Prices** of US East (N. Virginia). AWS's own pages could not be read, so the figures are those of the sources, read on ${readOn}.`,
    ['', 'USD', 'check here', 'read in'],
    rows,
  );
}

function rowOf(line: Line): string[] {
  return [line.what, arithmeticOf(line), usd(costOf(line)), beforeOf([line])];
}

/** Tenths of a cent, so that the lines add up to their sum. */
function usd(amount: number): string {
  return amount.toFixed(3);
}

function bold(amount: number): string {
  return `**${usd(amount)}**`;
}

function beforeOf(lines: readonly Line[]): string {
  return lines.reduce((sum, { before = 0 }) => sum + before, 0).toFixed(2);
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [title, '', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

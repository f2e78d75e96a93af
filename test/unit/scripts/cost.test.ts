import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Line, sumOf } from '../../../scripts/cost/bill.ts';
import { type Costs, countCosts } from '../../../scripts/cost/costs.ts';
import { metricsOf } from '../../../scripts/cost/emf.ts';
import { accessLogBytes, ownBytes } from '../../../scripts/cost/log-bytes.ts';
import { page, writeInto } from '../../../scripts/cost.ts';

let costs: Costs;
beforeAll(async () => {
  costs = await countCosts();
});

test('docs/operations.md has the costs as the code makes them (if not: npm run cost)', async () => {
  const text = await readFile(page, 'utf8');
  expect(writeInto(text, costs)).toBe(text);
});

describe('the limits of costs', () => {
  const limits: readonly (readonly [string, number, (counted: Costs) => readonly Line[]])[] = [
    ['a month at rest without the dashboard', 4, ({ atRest }) => atRest],
    ['each further caller', 0.3, ({ nextCaller }) => nextCaller],
    ['each further account without its secret', 0.45, ({ nextAccount }) => nextAccount],
    ['a million direct calls', 0.75, ({ direct }) => direct],
  ];

  test.each(limits)('%s costs at most %d USD', (_, limit, linesOf) => {
    expect(sumOf(linesOf(costs))).toBeLessThanOrEqual(limit);
  });

  test.each(limits)('%s counts something in each line', (_, _limit, linesOf) => {
    const empty = linesOf(costs).filter(({ terms }) => terms.some(({ count }) => !(count > 0)));
    expect(empty).toEqual([]);
  });
});

test('LoginLatency is the only metric that is written at rest', () => {
  const metrics = costs.atRest.find(({ what }) => what === 'custom metrics');
  expect(metrics?.terms).toMatchObject([{ count: 1, of: 'metric (`LoginLatency`)' }]);
});

test('metricsOf counts a metric once for each set of values of its dimensions', () => {
  const line = (account: string) =>
    JSON.stringify({
      service: 'f',
      account,
      Failed: 0,
      _aws: {
        CloudWatchMetrics: [
          { Namespace: 'N', Dimensions: [['service'], ['service', 'account']], Metrics: [{ Name: 'Failed' }] },
        ],
      },
    });
  expect([...metricsOf([line('a'), line('b'), line('a'), '{}'])]).toEqual([
    'N|Failed|service=f',
    'N|Failed|account=a|service=f',
    'N|Failed|account=b|service=f',
  ]);
});

test('Lambda adds lines of its own at INFO and DEBUG, and none at WARN', () => {
  expect(['DEBUG', 'INFO', 'WARN'].map((level) => ownBytes(level) > 0)).toEqual([true, true, false]);
});

test('accessLogBytes names a variable whose length is not known', () => {
  expect(() => accessLogBytes({ accessLogFormat: '{"new":"$context.new"}' }, 'arn')).toThrow('context.new');
});

test('writeInto names the place that is missing', () => {
  expect(() => writeInto('# Operations', costs)).toThrow('no place for the costs');
});

// The matrix of promise 71: every answer and silence of Fegora, at once and late, with a new and a proven version. Virtual time.
import { afterAll, describe, expect, test } from 'vitest';
import type { Fault } from '../../../local/fegora/faults.ts';
import { type CellResult, runCell, type Trouble } from '../../support/cluster/matrix.ts';
import { full } from '../../support/counts.ts';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const environments = full(20, 4);

const delays = [0, 9, 20] as const;

/** Bounds for one class of troubles. Three numbers: at once, after 9 s, after 20 s. */
interface Row {
  readonly name: string;
  /** The first few of them run for a whole day under `npm run proof`, and are all that `npm test` runs. */
  readonly troubles: readonly Trouble[];
  readonly samples: number;
  /** The most sends of one version in 24 hours. */
  readonly sends: readonly [number, number, number];
  /** The most overlaps inside Fegora in 24 hours if it works for 20 s. */
  readonly overlaps: number;
  /** When Fegora is well, a call is served within this time. New versions that were refused wait for another version. */
  readonly recoveryMs: { readonly proven: number; readonly new: number };
}

const answer = (status: number, rest: object = {}): Fault => ({ kind: 'answer', status, ...rest });
const text = { headers: { 'Content-Type': 'text/plain' } };
const invalidGrant = { body: JSON.stringify({ error: 'invalid_grant' }) };
const invalidRequest = { body: JSON.stringify({ error: 'invalid_request' }) };

const throttling = [429, 408, 425];
const contract = [404, 405, 410, 413, 414, 415, 431];
const gateway = [502, 504];
const statuses = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const doubtful = [
  ...[403, 401, 302, 200, 400, 423],
  ...statuses(300, 499).filter((status) => ![...throttling, ...contract, 403, 401, 302, 400, 423].includes(status)),
];

const rows: readonly Row[] = [
  {
    name: '400 invalid_grant',
    troubles: [answer(400, invalidGrant)],
    samples: 1,
    sends: [3, 3, 3],
    overlaps: 0,
    recoveryMs: { proven: 24 * hourMs, new: 0 },
  },
  {
    name: 'in doubt',
    troubles: [
      ...doubtful.map((status) => answer(status)),
      ...[201, 404, 429, 500, 502].map((status) => answer(status, invalidGrant)),
    ],
    samples: 4,
    sends: [3, 3, 3],
    overlaps: 0,
    recoveryMs: { proven: 24 * hourMs, new: 0 },
  },
  {
    name: 'throttled',
    troubles: throttling.map((status) => answer(status)),
    samples: 1,
    sends: [101, 101, 101],
    overlaps: 0,
    recoveryMs: { proven: 15 * minuteMs, new: 15 * minuteMs },
  },
  {
    name: 'contract, or unusable',
    troubles: [
      ...[answer(404), answer(200, text), answer(400, invalidRequest)],
      ...[...contract.slice(1), ...statuses(201, 299)].map((status) => answer(status)),
    ],
    samples: 2,
    sends: [29, 29, 29],
    overlaps: 0,
    recoveryMs: { proven: hourMs, new: hourMs },
  },
  {
    name: '5xx',
    troubles: [
      answer(503),
      answer(500, text),
      ...statuses(501, 599)
        .filter((status) => ![503, ...gateway].includes(status))
        .map((status) => answer(status)),
    ],
    samples: 1,
    sends: [1460, 1300, 1150],
    overlaps: 0,
    recoveryMs: { proven: minuteMs, new: minuteMs },
  },
  {
    name: 'HTML 500',
    troubles: [answer(500)],
    samples: 1,
    sends: [1445, 1300, 1150],
    overlaps: 0,
    recoveryMs: { proven: minuteMs, new: minuteMs },
  },
  {
    name: 'no answer, 502, 504',
    troubles: [
      { kind: 'hang' },
      { kind: 'reset' },
      { kind: 'reset-mid-body' },
      { kind: 'truncate' },
      ...gateway.map((status) => answer(status)),
    ],
    samples: 2,
    sends: [60, 60, 60],
    overlaps: 3,
    recoveryMs: { proven: 31 * minuteMs, new: 31 * minuteMs },
  },
];

/** With late answers, the budget of logins spaces out the probes. */
const lateRecoveryMs = 15 * minuteMs;

interface Measured {
  readonly row: string;
  readonly delay: number;
  readonly version: string;
  readonly cells: number;
  readonly sends: number;
  readonly overlaps: number;
  readonly bricked: number;
  readonly recovery: number;
}

const measured: Measured[] = [];

function summaryOf(results: readonly CellResult[]) {
  return {
    cells: results.length,
    sends: Math.max(...results.map(({ sends }) => sends)),
    overlaps: Math.max(...results.map(({ overlapsInside }) => overlapsInside)),
    bricked: results.filter(({ isBricked }) => isBricked).length,
    recovery: Math.round(Math.max(...results.map(({ recoveredMs }) => recoveredMs)) / secondMs),
  };
}

/** The samples run for a whole day, the others for an hour and a half: a whole day of each would take an hour. */
async function runRow({ troubles, samples }: Row, delay: number, isProven: boolean, recoveryMs: number) {
  const results: CellResult[] = [];
  for (const [index, trouble] of troubles.slice(0, full(troubles.length, samples)).entries()) {
    const forMs = full(index < samples ? 24 * hourMs : 1.5 * hourMs, 2 * hourMs);
    const late = typeof trouble === 'string' ? trouble : { ...trouble, delayMs: delay * secondMs };
    results.push(await runCell({ trouble: late, isProven, environments, forMs, recoveryMs }));
  }
  return results;
}

const versions = [
  ['new', false],
  ['proven', true],
] as const;
const cases = rows.flatMap((row) =>
  delays.flatMap((delay, index) =>
    versions.map(([version, isProven]) => [version, row.name, delay, { row, index, isProven }] as const),
  ),
);

describe('promise 71: whatever Fegora answers or does not answer', () => {
  afterAll(() => {
    if (full(1, 0) === 1) {
      console.table(measured);
    }
  });

  test.each(cases)(
    'sends a %s version a few times and recovers when the trouble is «%s» after %i s',
    { timeout: full(10, 1) * minuteMs },
    async (version, name, delay, { row, index, isProven }) => {
      const isLate = delay > 0;
      const recoveryMs = Math.max(row.recoveryMs[version], isLate && row.recoveryMs[version] > 0 ? lateRecoveryMs : 0);
      const results = await runRow(row, delay, isProven, recoveryMs);
      const summary = summaryOf(results);
      measured.push({ row: name, delay, version, ...summary });

      expect(summary.sends).toBeLessThanOrEqual(row.sends[index] ?? Number.NaN);
      expect(summary.sends).toBeGreaterThan(0);
      expect(results.filter(({ overlapsSeen }) => overlapsSeen > 0)).toEqual([]);
      // A login is given up after 8 s, and the next one may start 17 s after its claim.
      expect(summary.overlaps).toBeLessThanOrEqual(delay === 20 ? row.overlaps : 0);
      expect(summary.bricked).toBe(0);
      expect(summary.recovery * secondMs).toBeLessThanOrEqual(recoveryMs > 0 ? recoveryMs + secondMs : Infinity);
    },
  );

  test.each([
    ['refuses connections', 'unreachable'],
    ['lets handshakes hang', 'handshake hangs'],
  ] as const)('sends nothing and recovers within 14 s when Fegora %s', { timeout: minuteMs }, async (_, trouble) => {
    for (const [version, isProven] of versions) {
      const forMs = full(6, 1) * hourMs;
      const result = await runCell({ trouble, isProven, environments, forMs, recoveryMs: 14 * secondMs });
      measured.push({ row: trouble, delay: 0, version, ...summaryOf([result]) });

      // The one send is that of the recovery.
      expect(result).toMatchObject({ sends: 1, overlapsInside: 0, overlapsSeen: 0 });
      expect(result.recoveredMs).toBeLessThanOrEqual(14 * secondMs);
    }
  });
});

// Made-up data for the picture of the dashboard: a morning on which a wrong password was stored. Called by dashboard-picture.ts.
import { accounts } from './example.ts';
import type { Line } from './series.ts';

/** How many values each line has: one for each 10 minutes of the 12 hours that the dashboard shows. */
export const points = 73;
/** 00:00 to 12:00. */
const hoursOf = (point: number) => (point * 12) / (points - 1);
/** The account whose new password is wrong, when it was stored, and when its token had expired. */
const [broken, storedAt, expiredAt] = ['hotel', 9.6, 10] as const;
const role = 'assumed-role/';
const arn = `arn:aws:sts::111111111111:${role}`;

/** One line of a graph. `undefined` is no value. */
export interface Series {
  /** The value of the dimension that was searched for. */
  readonly found?: string;
  readonly values: readonly (number | undefined)[];
}

type Value = (hours: number, noise: number) => number | undefined;

/** Noise from 0 to 1 that is the same on each run. */
function createNoise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

function series(seed: number, value: Value, found?: string): Series {
  const noise = createNoise(seed);
  const values = Array.from({ length: points }, (_, point) => value(hoursOf(point), noise()));
  return { values, ...(found !== undefined && { found }) };
}

/** Offices open at 6. */
const callsAt: Value = (hours, noise) => Math.round(40 + 50 * noise + 55 * Math.min(5, Math.max(0, hours - 5.5)));
const isFailing = (hours: number) => hours >= expiredAt;
const failedAt: Value = (hours, noise) => (isFailing(hours) ? Math.round(22 + 14 * noise) : 0);
const never: Value = () => undefined;
/** Calls and warm-ups of the account. */
const brokenAt: Value = (hours, noise) => (hours >= storedAt ? 1 + (failedAt(hours, noise) ?? 0) : undefined);

/** By the name of the metric, its statistic and the dimensions that say more than the broker. */
const lines: Readonly<Record<string, readonly Series[]>> = {
  'Failed Average': [series(1, (hours, noise) => (isFailing(hours) ? 0.08 + 0.02 * noise : 0))],
  'Failed SampleCount': [series(2, callsAt)],
  'Failed Sum': [series(3, failedAt)],
  'Failed Sum code': [series(3, (hours, noise) => failedAt(hours, noise) || undefined, 'credentials_rejected')],
  'Failed Sum account': accounts.map((account) =>
    series(3, (hours, noise) => (account === broken ? (brokenAt(hours, noise) ?? 0) : 0), account),
  ),
  'Failed Sum caller_role': [
    series(3, (hours, noise) => Math.ceil(0.7 * (failedAt(hours, noise) ?? 0)), `${arn}invoicing`),
    series(3, (hours, noise) => Math.floor(0.3 * (failedAt(hours, noise) ?? 0)), `${arn}front-desk`),
    series(3, () => 0, `${arn}reports`),
  ],
  'Denied Sum': [series(7, (hours) => (hours > 7.6 && hours < 8 ? 2 : undefined))],
  'DeniedByGateway Sum': [series(8, (_, noise) => (noise > 0.93 ? 1 : undefined))],
  'GatewayFails Sum': [series(9, never)],
  'Throttles Sum': [series(9, never)],
  'Duration p50 http': [series(10, (_, noise) => 4 + 3 * noise)],
  'Duration p99 http': [series(11, (_, noise) => 40 + 900 * noise * noise * noise)],
  'LoginLatency p50': [series(12, (_, noise) => 420 + 90 * noise)],
  'LoginLatency p99': [series(13, (_, noise) => 600 + 700 * noise * noise)],
  'LoginLatency SampleCount': [series(14, (hours, noise) => Math.round(1 + noise - (hours > storedAt ? 0.2 : 0)))],
  'ClockSkew Maximum': [series(9, never)],
  'LoginsFailed Sum outcome': [
    series(15, (hours) => (hours > storedAt && hours < 9.8 ? 1 : undefined), 'invalid_grant'),
  ],
  'CredentialsRejected Sum': [series(3, brokenAt)],
  'ClientRejected Sum': [series(9, never)],
  'Html500Repeated Sum': [series(9, never)],
  'OperatorFaults Sum': [series(9, never)],
  'SecretUnavailable Sum': [series(9, never)],
  'TableUnavailable Sum': [series(17, (hours) => (hours > 3.2 && hours < 3.4 ? 1 : undefined))],
  'SecuritySigns Sum': [series(9, never)],
  'Paused Sum': [series(9, never)],
  'Errors Sum http': [series(9, never)],
  'Errors Sum warmup': [series(9, never)],
  'RemainingLife Minimum': [series(18, (_, noise) => 590 + 60 * noise)],
  'RemainingLife p50': [series(19, (_, noise) => 1080 + 180 * noise)],
  'Invocations Sum warmup': [series(20, (_, noise) => (noise > 0.75 ? 2 : 1))],
  'BudgetHalfUsed Sum': [series(9, never)],
};

/** @throws Error if there is no made-up data for the line */
export function dataOf({ name, statistic, dimensions }: Line): readonly Series[] {
  const searched = Object.entries(dimensions).flatMap(([dimension, value]) => (value === '*' ? [dimension] : []));
  const alias = dimensions.Resource?.split(':').at(-1) ?? [];
  const key = [name, statistic, ...searched, ...[alias].flat()].join(' ');
  const found = lines[key];
  if (found === undefined) {
    throw new Error(`There is no data for «${key}»: make some up in scripts/dashboard/data.ts.`);
  }
  return found;
}

/** The alarms that ring, by their ids. */
export const ringing: ReadonlySet<string> = new Set(['CallsFail', 'CredentialsRejected', `AccountFails-${broken}`]);

const day = '01-15T';
const loginRows = accounts.map((account) => [account, 'issued', account === broken ? '29' : '36']);

/** The rows of each table, by its title. */
const tables: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'Failed and refused calls and warm-ups': [
    ['credentials_rejected', broken, `${role}invoicing`, '273', `${day}11:59`],
    ['credentials_rejected', broken, `${role}front-desk`, '110', `${day}11:58`],
    ['credentials_rejected', broken, 'warmup', '15', `${day}11:57`],
    ['unknown_account', '', `${role}reports/nightly`, '6', `${day}07:52`],
  ],
  'Calls that API Gateway answered itself': [
    ['403', 'MISSING_AUTHENTICATION_TOKEN', '', '203.0.113.77', '5'],
    ['403', 'ACCESS_DENIED', `${role}reports/nightly`, '198.51.100.20', '3'],
  ],
  'Logins, by account': [...loginRows, [broken, 'invalid_grant', '1']],
  'Versions of the function': [
    ['8', `${day}04:12`, `${day}11:59`],
    ['7', `${day}00:00`, `${day}04:12`],
  ],
  'New passwords, commands of operators': [
    [`${day}09:40`, 'verify', broken, 'failed:credentials_rejected'],
    [`${day}08:03`, 'verify', 'clinic', 'renewed'],
    [`${day}06:31`, 'resume', 'school', 'done'],
  ],
  'Secret versions that tokens come from': [
    ['clinic', 'b71f0c2e', `${day}08:03`, '2107'],
    ...accounts.map((account, at) => [account, `${at + 2}e9d04a${at}`, `${day}00:00`, String(3891 - 217 * at)]),
  ],
};

/** @throws Error if there is no made-up data for the table, or if its rows do not fit the columns */
export function rowsOf(title: string, columns: readonly string[]): readonly (readonly string[])[] {
  const rows = tables[title];
  if (rows === undefined || rows.some((row) => row.length !== columns.length)) {
    throw new Error(`Make up rows of «${title}» (${columns.join(', ')}) in scripts/dashboard/data.ts.`);
  }
  return rows;
}

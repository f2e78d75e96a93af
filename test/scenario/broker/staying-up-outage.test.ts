// Tests long outages of Fegora and its Retry-After header, with 20 environments on virtual time.
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../local/fegora/faults.ts';
import { type Answer, type Cluster, startCluster } from '../../support/cluster.ts';
import { full } from '../../support/counts.ts';

const environments = 20;
const perSecond = full(50, 10);
const minuteMs = 60_000;
/** Seconds. */
const short = [30, 45, 60];
const upToAnHour = [...short, full(3600, 90)];
const minutes = full(15, 1);

/** A fault, how long after its end all calls are served again (seconds), and how long it lasts (seconds). */
type Outage = readonly [what: string, servedAfter: number, fault: Fault | 'unreachable', lasts: readonly number[]];

const always = { times: null } as const;
const outages: readonly Outage[] = [
  ['refused connections', 10, 'unreachable', upToAnHour],
  ['500', 10, { kind: 'answer', status: 500, headers: { 'Content-Type': 'text/plain' }, ...always }, short],
  ['503', 10, { kind: 'answer', status: 503, ...always }, short],
  ['hangs', 20, { kind: 'hang', ...always }, [15, ...short]],
  ['resets', 20, { kind: 'reset', ...always }, short],
  ['resets in the middle of an answer', 20, { kind: 'reset-mid-body', ...always }, short],
  ['cut answers', 20, { kind: 'truncate', ...always }, short],
  ['answers lost after the login', 20, { kind: 'reset', afterLogin: true, ...always }, short],
  ['502', 20, { kind: 'answer', status: 502, ...always }, short],
  ['504', 20, { kind: 'answer', status: 504, ...always }, short],
  ['HTML 500', 70, { kind: 'answer', status: 500, ...always }, upToAnHour],
];

function begin({ route, fegora }: Cluster, fault: Outage[2]): void {
  if (fault === 'unreachable') {
    route.isUnreachable = true;
  } else {
    fegora.addFault(fault);
  }
}

function end({ route, fegora }: Cluster): void {
  route.isUnreachable = false;
  fegora.clearFaults();
}

/** Lets the outage last until a login has just started or failed: recovery takes longest from there. */
async function untilNextLogin({ observed, fegora, load }: Cluster): Promise<void> {
  const tried = () => observed('login') + fegora.counters().attempts;
  for (const before = tried(); tried() === before; ) {
    await load(perSecond, 1000 / perSecond, () => {});
  }
}

function leastGapMs(times: readonly number[]): number {
  return Math.min(...times.slice(1).map((time, index) => time - (times[index] ?? Number.NaN)));
}

describe('promise 16: an outage with 50 calls a second in 20 environments', () => {
  const each = outages.flatMap(([what, servedAfter, fault, lasts]) =>
    lasts.map((seconds) => [what, seconds, servedAfter, fault] as const),
  );

  test.each(each)(
    'serves again after an outage (%s) of %i s within %i s',
    { timeout: minutes * minuteMs },
    async (what, seconds, servedAfter, fault) => {
      const outageMs = seconds * 1000;
      const cluster = await startCluster({ environments });
      const { clock, load, fegora } = cluster;
      const outage: Answer[] = [];
      begin(cluster, fault);
      await load(perSecond, outageMs, (answer) => outage.push(answer));
      await untilNextLogin(cluster);
      end(cluster);
      const recovered = clock.monotonic();
      // The first login listens for 21 s, and after logins without an answer every third one.
      const tries = fegora.logins().length;
      const isPatient = what === 'hangs' && (tries === 1 || tries % 3 === 0);
      const allowed = isPatient ? 31 : servedAfter;
      const after: Answer[] = [];
      await load(perSecond, (allowed + 5) * 1000, (answer) => after.push(answer));

      const attempts = Math.max(fegora.counters().attempts, cluster.observed('login'));
      expect(outage.filter(({ grant }) => grant)).toEqual([]);
      expect(attempts).toBeLessThanOrEqual(outageMs / 5000 + 2);
      // If the result of a login is unknown, its lease stays to its end, plus 2 s for clock differences.
      const leastMs = servedAfter === 20 ? 17_000 : 5000;
      expect(leastGapMs(fegora.logins().map(({ at }) => at))).toBeGreaterThanOrEqual(leastMs);
      expect(fegora.counters().overlapsSeen).toBe(0);
      // An account that never had a token is not broken by two logins at once.
      expect(cluster.observed('html_500_repeated')).toBe(0);
      // Callers wait for the very first login. After it, only the caller that tries again waits.
      const firstFailed = outage
        .filter(({ error }) => error?.code !== 'renewal_in_progress')
        .reduce((least, { askedAt, tookMs }) => Math.min(least, askedAt + tookMs), Number.POSITIVE_INFINITY);
      const waited = outage.filter(({ askedAt, tookMs }) => askedAt > firstFailed && tookMs > 600);
      expect(waited.length).toBeLessThanOrEqual(attempts);
      const late = after.filter(({ askedAt }) => askedAt - recovered >= allowed * 1000);
      expect(late.length).toBeGreaterThan(0);
      expect(late.filter(({ error }) => error)).toEqual([]);
    },
  );
});

describe('promise 17: Retry-After in all environments', () => {
  const cases = [
    ['seconds', () => '40', 40],
    ['fewer seconds than our own back-off', () => '1', 30],
    ['a date', (now: number) => new Date(now + 40_000).toUTCString(), 40],
    ['a date that has passed', (now: number) => new Date(now - 40_000).toUTCString(), 30],
    ['a year', () => '31536000', 300],
    ['a date in a year', (now: number) => new Date(now + 31_536_000_000).toUTCString(), 300],
    ['garbage', () => 'in a moment', 30],
    ['a number in another notation', () => '4e9', 30],
    ['nothing at all', () => '', 30],
  ] as const;

  test.each(cases)('backs off in all environments as Retry-After says: %s', async (_, retryAfter, seconds) => {
    const { ask, askAll, until, load, fegora, clock } = await startCluster({ environments });
    const headers = { 'Retry-After': retryAfter(clock.now()) };
    fegora.addFault({ kind: 'answer', status: 429, headers, ...always });
    const [first] = await until(ask(0));
    const blocked: Answer[] = [];
    await load(2, seconds * 1000 - 1000, (answer) => blocked.push(answer));

    expect(first?.error?.code).toBe('upstream_throttled');
    expect(fegora.counters().attempts).toBe(1);
    expect(new Set(blocked.map(({ error }) => error?.code))).toEqual(new Set(['upstream_throttled']));
    expect(blocked.every(({ tookMs }) => tookMs === 0)).toBe(true);
    // The caller that made the login gets a wait as long as later callers get.
    for (const told of [first, blocked[0]]) {
      expect(told?.error?.retryAfterMs).toBeLessThanOrEqual(seconds * 1250);
      expect(told?.error?.retryAfterMs).toBeGreaterThan(seconds * 1000 - 2000);
    }
    await clock.advance(1000);
    fegora.clearFaults();
    const answers = await askAll();
    expect(answers.filter(({ error }) => error)).toEqual([]);
    expect(fegora.counters().attempts).toBe(2);
  });

  test('backs off for 5 minutes and ignores Retry-After when a retry would not help', async () => {
    const { ask, askAll, until, fegora, pass } = await startCluster({ environments: 2 });
    fegora.addFault({ kind: 'answer', status: 404, headers: { 'Retry-After': '10' } });
    await until(ask(0));
    await pass(299_000);
    const [blocked] = await askAll();
    await pass(2000);
    const [served] = await askAll();

    expect(blocked?.error?.code).toBe('upstream_contract');
    expect(served?.grant).toBeDefined();
    expect(fegora.counters().attempts).toBe(2);
  });
});

// Services that do not respond: the function still answers before its time is up.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRouter } from '../../../lambda/events/router.ts';
import { serve } from '../../../local/loopback.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { full } from '../../support/counts.ts';
import { brokerOf, recordReports } from '../../support/events/broker.ts';
import { callFunction } from '../../support/events/call-function.ts';
import { httpEvent, lambdaContext } from '../../support/events/events.ts';
import { startTestSystem } from '../../support/test-system.ts';

let output: Capture;

beforeEach(() => {
  output = captureOutput(false);
});
afterEach(() => output.stop());

const silent = ['FEGORA_TOKEN_URL', 'AWS_ENDPOINT_URL_SECRETS_MANAGER', 'AWS_ENDPOINT_URL_DYNAMODB'];
/** These run one after another, because forty environments that start at once would use up such short times. */
const short = [200, 300, 500, 700, 1000];
const long = [2000, 3500, 6000, 9000, 10_500, 12_000, 16_000, 25_000, 30_000];

const atOnce = 27;

const later = '(Deadline|RenewalInProgress|SecretUnavailable|TableUnavailable|UpstreamTimeout)';

interface Case {
  readonly variable: string;
  readonly limitMs: number;
  /** Each case has its own account and its own environment. */
  readonly account: string;
  readonly alias: string;
  readonly event: unknown;
  /** The answers that this alias may give when no token is available. */
  readonly expected: RegExp;
}

const entries: readonly ((account: string) => Pick<Case, 'alias' | 'event' | 'expected'>)[] = [
  (account) => ({ alias: 'http', event: httpEvent({ account }), expected: /"statusCode":503,.*"Retry-After":"\d+"/ }),
  (account) => ({ alias: `account-${account}`, event: {}, expected: new RegExp(`^${later}$`) }),
  (account) => ({ alias: 'warmup', event: { accounts: [account] }, expected: /"outcome":"(skipped|failed:\w+)"/ }),
  (account) => ({
    alias: 'admin',
    event: { action: 'verify', account },
    expected: new RegExp(`^${later}$|"outcome":"skipped"`),
  }),
];

/** Under `npm test`, each alias gets a different quarter of all cases. */
function casesOf(limitsMs: readonly number[]): Case[] {
  const stride = full(1, entries.length);
  return entries.flatMap((entry, nth) =>
    silent
      .flatMap((variable, service) =>
        limitsMs.map((limitMs) => ({ variable, limitMs, account: `a${nth}-${service}-${limitMs}` })),
      )
      .filter((_, index) => index % stride === nth % stride)
      .map((one) => ({ ...one, ...entry(one.account) })),
  );
}

it('promise 45: answers in time when a service does not respond and 0.2 to 30 s are left', async () => {
  const hurriedCases = casesOf(short);
  const patientCases = casesOf(long);
  const system = await startTestSystem({
    accounts: ['warm', ...[...hurriedCases, ...patientCases].map(({ account }) => account)],
  });
  const silentServer = await serve(() => {});
  const late: string[] = [];

  const attempt = async ({ variable, limitMs, alias, event, expected }: Case) => {
    const { handler } = system.environment({ [variable]: silentServer.url });
    const begun = performance.now();
    const remaining = () => Math.max(0, Math.floor(limitMs - (performance.now() - begun)));
    const answer = await callFunction(handler, event, lambdaContext(alias, remaining)).catch(({ name }: Error) => name);
    if (remaining() === 0) {
      late.push(`${variable} ${limitMs} ${alias}`);
    }
    expect(typeof answer === 'string' ? answer : JSON.stringify(answer)).toMatch(expected);
  };

  try {
    await system.environment().http({ account: 'warm' });
    for (const one of hurriedCases) {
      await attempt(one);
    }
    while (patientCases.length > 0) {
      await Promise.all(patientCases.splice(0, atOnce).map(attempt));
    }
    expect(late).toEqual([]);
  } finally {
    await Promise.all([silentServer.close(), system.close()]);
  }
}, 120_000);

it('promise 45: answers `deadline` when the broker never answers', async () => {
  const { report, failed } = recordReports();
  const broker = brokerOf({ getToken: () => new Promise(() => {}) });
  const config = { accounts: new Map([['one', 'fegora/one']]), defaultAccount: 'one' };
  const handler = createRouter({ config, broker, random: () => 0, now: Date.now, report });
  const soon = (alias: string) => lambdaContext(alias, () => 200);
  expect(await callFunction(handler, httpEvent(), soon('http'))).toMatchObject({
    statusCode: 503,
    body: expect.stringContaining('"error":"deadline"'),
  });
  await expect(handler({}, soon('account-one'))).rejects.toMatchObject({ name: 'Deadline' });
  expect(failed).toHaveLength(2);
});

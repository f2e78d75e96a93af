import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEdge } from '../../lambda/events/edge.ts';
import { serve } from '../../local/loopback.ts';
import { type Capture, captureOutput } from '../fixtures/capture.ts';
import { httpEvent, invocation } from '../fixtures/events.ts';
import { brokerOf, recordReports } from '../fixtures/events-broker.ts';
import { startWorld } from '../fixtures/world.ts';

let output: Capture;

beforeEach(() => {
  output = captureOutput(false);
});
afterEach(() => output.stop());

const silent = ['FEGORA_TOKEN_URL', 'AWS_ENDPOINT_URL_SECRETS_MANAGER', 'AWS_ENDPOINT_URL_DYNAMODB'];
/** One after the other: forty environments that start at once leave none of these its time. */
const short = casesOf([200, 300, 500, 700, 1000]);
const long = casesOf([2000, 3500, 6000, 9000, 10_500, 12_000, 16_000, 25_000, 30_000]);

interface Case {
  readonly variable: string;
  readonly limitMs: number;
  /** Each has an account and an environment of its own. */
  readonly account: string;
}

function casesOf(limitsMs: readonly number[]): readonly Case[] {
  return silent.flatMap((variable, service) =>
    limitsMs.map((limitMs) => ({ variable, limitMs, account: `a${service}-${limitMs}` })),
  );
}

it('promise 45: with anything from 0.2 to 30 s left, and a service that says nothing, there is an answer in time', async () => {
  const world = await startWorld({ accounts: ['warm', ...[...short, ...long].map(({ account }) => account)] });
  const nobody = await serve(() => {});
  const late: string[] = [];

  const attempt = async ({ variable, limitMs, account }: Case) => {
    const { handler } = world.environment({ [variable]: nobody.url });
    const begun = performance.now();
    const remaining = () => Math.max(0, Math.floor(limitMs - (performance.now() - begun)));
    const answer = await handler(httpEvent({ account }), invocation('http', remaining));
    if (remaining() === 0) {
      late.push(`${variable} ${limitMs}`);
    }
    expect(answer).toMatchObject({ statusCode: 503, headers: { 'Retry-After': expect.any(String) } });
  };

  try {
    await world.environment().http({ account: 'warm' });
    for (const one of short) {
      await attempt(one);
    }
    await Promise.all(long.map(attempt));
    expect(late).toEqual([]);
  } finally {
    await Promise.all([nobody.close(), world.close()]);
  }
});

it('promise 45: a broker that never answers is answered for', async () => {
  const { report, failed } = recordReports();
  const broker = brokerOf({ getToken: () => new Promise(() => {}) });
  const config = { accounts: new Map([['one', 'fegora/one']]), defaultAccount: 'one' };
  const handler = createEdge({ config, broker, report });
  const soon = (alias: string) => invocation(alias, () => 200);
  expect(await handler(httpEvent(), soon('http'))).toMatchObject({
    statusCode: 503,
    body: expect.stringContaining('"error":"deadline"'),
  });
  await expect(handler({}, soon('account-one'))).rejects.toMatchObject({ name: 'Deadline' });
  expect(failed).toHaveLength(2);
});

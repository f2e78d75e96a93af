// The events of EventBridge, as the stack sends them, against local servers.
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TokenBroker } from '../../../infra/token-broker.ts';
import { BrokerError } from '../../../lambda/errors.ts';
import { createFailingRouter } from '../../../lambda/events/router.ts';
import { createApp } from '../../infra/support/synth.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { type GatewaySystem, startGatewaySystem } from '../../support/client/gateway-system.ts';
import { recordReports } from '../../support/events/broker.ts';
import { labelUpdated, lambdaContext } from '../../support/events/events.ts';
import { type SkippingClock, skippingClock } from '../../support/skipping-clock.ts';
import { type EntryPoints, passwordOf, secretOf, type TestSystem } from '../../support/test-system.ts';

let template: Template;
beforeAll(() => {
  const stack = new Stack(createApp(), 'Broker');
  const accounts = { one: {}, two: {} };
  new TokenBroker(stack, 'Broker', { accounts, code: Code.fromInline('exports.handler = () => {}') });
  template = Template.fromStack(stack);
}, 120_000);

let clock: SkippingClock;
let system: GatewaySystem;
let servers: TestSystem;
let entryPoints: EntryPoints;
let output: Capture;

beforeEach(async () => {
  clock = skippingClock();
  system = await startGatewaySystem({ handlerOptions: { clock, random: Math.random } });
  ({ servers, entryPoints } = system);
  output = captureOutput();
});
afterEach(async () => {
  output.stop();
  await system.close();
});

/** Gets a token and skips a minute, because there is at most one login a minute. */
async function served() {
  const { body } = await entryPoints.http();
  clock.skip(61_000);
  return body;
}

const newPassword = 'not-a-real-password-of-today';
const logins = () => servers.fegora.counters().logins;
const down = { kind: 'answer', status: 503 } as const;

/** What EventBridge would send about the latest version of an account's secret. */
async function change(account: string) {
  const answer = await fetch(servers.secrets.url, {
    method: 'POST',
    headers: { 'x-amz-target': 'secretsmanager.DescribeSecret', 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ SecretId: `fegora/${account}` }),
  });
  const { ARN: arn, Name: name, VersionIdsToStages } = JSON.parse(await answer.text());
  const versions = Object.entries<string[]>(VersionIdsToStages);
  const versionId = versions.find(([, stages]) => stages.includes('AWSCURRENT'))?.[0] ?? '';
  return { arn, name, versionId };
}

function only(resources: Record<string, { Properties?: Record<string, unknown> }>): Record<string, unknown> {
  const [resource, ...others] = Object.values(resources);
  expect(others).toEqual([]);
  return resource?.Properties ?? {};
}

describe('the event of the schedule', () => {
  test('renews every token once with the input that the stack sets', async () => {
    const { Target } = only(template.findResources('AWS::Scheduler::Schedule'));
    const { Input } = { Input: '', ...Object(Target) };
    const first = await entryPoints.warmup(JSON.parse(Input));
    const second = await entryPoints.warmup(JSON.parse(Input));

    const expiry = expect.stringMatching(/^20\S+Z$/);
    const each = (outcome: string) => ['one', 'two'].map((account) => ({ account, outcome, expires_at: expiry }));
    expect(first).toEqual({ results: each('renewed') });
    expect(second).toEqual({ results: each('fresh') });
    expect(logins()).toBe(2);
    expect((await entryPoints.http()).body.source).toBe('memory');
  });

  test('answers a failure as a result, so that EventBridge does not retry', async () => {
    servers.fegora.setPassword('user-two', newPassword);

    expect(await entryPoints.warmup({ accounts: ['two', 'one', 'three'] })).toEqual({
      results: [
        { account: 'two', outcome: 'failed:credentials_rejected' },
        { account: 'one', outcome: 'renewed', expires_at: expect.any(String) },
        { account: 'three', outcome: 'skipped' },
      ],
    });
  });

  test('is refused when it is the notification that Scheduler sends without an input', async () => {
    const notification = {
      version: '0',
      id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
      'detail-type': 'Scheduled Event',
      source: 'aws.scheduler',
      account: '123456789012',
      time: '2026-11-24T12:00:00Z',
      region: 'us-east-1',
      resources: ['arn:aws:scheduler:us-east-1:123456789012:schedule/default/warm-up'],
      detail: '{}',
    };

    await expect(entryPoints.warmup(notification)).rejects.toMatchObject({ name: 'InvalidRequest' });
    expect(logins()).toBe(0);
  });
});

describe('the event of a changed secret', () => {
  test('passes the rule of the stack only for the label AWSCURRENT', async () => {
    const { EventPattern } = only(template.findResources('AWS::Events::Rule'));
    const event = labelUpdated(await change('one'));

    expect(EventPattern).toMatchObject({
      source: [event.source],
      'detail-type': [event['detail-type']],
      detail: { labelUpdated: ['AWSCURRENT'] },
    });
    expect(Object(EventPattern).resources).toHaveLength(2);
  });

  test('makes the function log in with the new credentials at once', async () => {
    const before = await served();
    servers.fegora.setPassword('user-one', newPassword);
    servers.secrets.put('fegora/one', secretOf('one', newPassword));
    const event = labelUpdated(await change('one'));

    expect(await entryPoints.warmup(event)).toEqual({
      results: [{ account: 'one', outcome: 'renewed', expires_at: expect.any(String) }],
    });
    const after = await entryPoints.http();
    expect(after.body.token_sha256).not.toBe(before.token_sha256);
    expect(logins()).toBe(2);
  });

  test('causes no login when it comes again or out of order', async () => {
    await served();
    const old = labelUpdated(await change('one'));
    servers.fegora.setPassword('user-one', newPassword);
    servers.secrets.put('fegora/one', secretOf('one', newPassword));
    const current = labelUpdated(await change('one'));
    for (const event of [current, current, old, current]) {
      await entryPoints.warmup(event);
      clock.skip(61_000);
    }

    expect(logins()).toBe(2);
  });

  test('records credentials that Fegora refuses, and the current token is still served', async () => {
    const before = await served();
    servers.secrets.put('fegora/one', secretOf('one', 'not-a-real-password-mistyped'));
    const event = labelUpdated(await change('one'));
    const outcomes = [await entryPoints.warmup(event), await entryPoints.warmup(event)];

    expect(outcomes[0]).toEqual({ results: [{ account: 'one', outcome: 'failed:credentials_rejected' }] });
    expect((await entryPoints.http()).body.token_sha256).toBe(before.token_sha256);
    expect(await entryPoints.admin({ action: 'status', account: 'one' })).toMatchObject({ accounts: [{ marks: 1 }] });
    expect(servers.fegora.counters()).toMatchObject({ attempts: 2, logins: 1 });
  });

  test.each([
    ['another label', { label: 'AWSPENDING' }],
    [
      'a secret that is not configured',
      { name: 'somebody/else', arn: 'arn:aws:secretsmanager:us-east-1:0:secret:else-a1b2c3' },
    ],
  ])('is ignored for %s', async (_, other) => {
    const event = labelUpdated({ ...(await change('one')), ...other });

    expect(await entryPoints.warmup(event)).toEqual({ results: [] });
    expect(logins()).toBe(0);
  });

  test('leaves the current token in use when Fegora is unavailable', async () => {
    await served();
    servers.fegora.setPassword('user-one', newPassword);
    servers.secrets.put('fegora/one', secretOf('one', newPassword));
    servers.fegora.addFault(down);

    expect(await entryPoints.warmup(labelUpdated(await change('one')))).toEqual({
      results: [{ account: 'one', outcome: 'failed:upstream_unavailable' }],
    });
    expect((await entryPoints.http()).status).toBe(200);
  });
});

test('neither EventBridge nor the log gets a token or a password', async () => {
  const answers = [await entryPoints.warmup(), await entryPoints.warmup(labelUpdated(await change('one')))];
  const token = String((await entryPoints.http()).body.access_token);
  const shown = `${JSON.stringify(answers)}${output.text()}`;

  expect(token).toMatch(/^not-a-real-token/);
  expect(shown).toContain('"renewed"');
  expect(shown).not.toContain(token);
  expect(shown).not.toContain(passwordOf('one'));
});

test.each(['configuration', 'internal'] as const)(
  'a warm-up that ends with %s as a whole is an answer, so that Lambda counts no crash and tries nothing again',
  async (code) => {
    const { report, failed } = recordReports();
    const handle = createFailingRouter(new BrokerError(code, 'a test'), report);
    expect(await handle({}, lambdaContext('warmup'))).toMatchObject({ error: code });
    expect(failed).toMatchObject([{ error: { code } }]);
  },
);

// Random events through every alias: each gets an answer of the contract.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isErrorCode } from '../../../lambda/errors.ts';
import { type Capture, captureOutput } from '../../support/capture.ts';
import { full } from '../../support/counts.ts';
import { callFunction } from '../../support/events/call-function.ts';
import { foreignEvents, httpEvent, labelUpdated, lambdaContext } from '../../support/events/events.ts';
import { type EntryPoints, startTestSystem, type TestSystem } from '../../support/test-system.ts';

let system: TestSystem;
let entryPoints: EntryPoints;
let output: Capture;

beforeAll(async () => {
  output = captureOutput(false);
  system = await startTestSystem();
  entryPoints = system.environment();
  await entryPoints.warmup();
});
afterAll(async () => {
  await system.close();
  output.stop();
});

const aliases = fc.constantFrom(
  'http',
  'http',
  'account-one',
  'account-three',
  'warmup',
  'admin',
  '$LATEST',
  undefined,
);
const accounts = fc.oneof(fc.constantFrom('one', 'two', 'three', 'ONE', '__proto__', 'constructor', ''), fc.string());
const anything = fc.oneof(fc.anything(), fc.jsonValue());

const bodies = fc.record(
  {
    min_validity: fc.oneof(fc.double(), fc.nat(), anything),
    rejected: fc.oneof(fc.stringMatching(/^[0-9a-f]{64}$/), anything),
    want: fc.oneof(fc.constantFrom('token', 'metadata'), anything),
    ['__proto__']: anything,
  },
  { requiredKeys: [] },
);
const texts = fc.oneof(
  bodies.map((body) => JSON.stringify(body, (_, value) => (typeof value === 'bigint' ? null : value))),
  fc.json(),
  fc.string(),
  fc.constant(null),
);

/** Proxy events, intact or with one member replaced. */
const proxied = fc
  .record({ account: fc.option(accounts, { nil: undefined }), body: texts, isBase64Encoded: fc.boolean() })
  .map(({ account, body, isBase64Encoded }) =>
    httpEvent({ ...(account !== undefined && { account }), body, event: { isBase64Encoded } }),
  );
const damaged = fc
  .record({ event: proxied, name: fc.constantFrom(...Object.keys(httpEvent())), value: anything })
  .map(({ event, name, value }) => ({ ...event, [name]: value }));

const commands = fc.record(
  { action: fc.oneof(fc.constantFrom('status', 'verify', 'resume'), anything), account: fc.oneof(accounts, anything) },
  { requiredKeys: ['action'] },
);
const warmups = fc.record({ accounts: fc.oneof(fc.array(accounts), anything) }, { requiredKeys: [] });
const changes = fc
  .record({ name: fc.oneof(accounts, fc.constant('fegora/one')), arn: fc.string(), label: fc.string() })
  .map(labelUpdated);

const events = fc.oneof(
  proxied,
  damaged,
  bodies,
  warmups,
  changes,
  commands,
  anything,
  fc.constantFrom(...Object.values(foreignEvents)),
);

it('promise 46: answers any event through any alias in the form of the contract', async () => {
  await fc.assert(
    fc.asyncProperty(aliases, events, async (alias, event) => {
      const outcome = await callFunction(entryPoints.handler, event, lambdaContext(alias)).then(
        (result) => ({ result }),
        (error: unknown) => ({ error }),
      );
      if (alias === 'http') {
        expectHttpAnswer('result' in outcome ? outcome.result : undefined);
      } else if ('error' in outcome) {
        expectContractError(outcome.error);
      } else {
        expectResult(alias, outcome.result);
      }
    }),
    { numRuns: full(100_000, 3_000) },
  );
}, 900_000);

/** Checks promises 42 and 46 on an answer to API Gateway. */
function expectHttpAnswer(answer: unknown): void {
  const { statusCode, headers, body, ...more } = Object(answer);
  const { 'Retry-After': retryAfter, ...fixed } = Object(headers);
  const members = JSON.parse(String(body));
  expect(more).toEqual({});
  expect(fixed).toEqual({
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
    'X-Content-Type-Options': 'nosniff',
  });
  if (statusCode === 200) {
    expect(members).toMatchObject({ token_type: 'bearer', account: expect.stringMatching(/^(one|two)$/) });
  } else {
    expectErrorBody(members);
    expect(retryAfter).toBe(members.retryable ? String(members.retry_after) : undefined);
  }
}

function expectErrorBody(members: unknown): void {
  const { error, error_description, member = '', retryable, retry_after, request_id, ...more } = Object(members);
  expect(more).toEqual({});
  expect(member).toMatch(error === 'invalid_request' ? /^[\w.-]{0,64}$/ : /^$/);
  expect(isErrorCode(error) && error !== 'internal').toBe(true);
  expect([typeof error_description, typeof request_id]).toEqual(['string', 'string']);
  expect(typeof retry_after).toBe(retryable ? 'number' : 'undefined');
}

function expectContractError(error: unknown): void {
  expect(error).toBeInstanceOf(Error);
  const { name, message, stack } = Object(error);
  expectErrorBody(JSON.parse(message));
  expect(stack).toBe(name);
  expect(name).toMatch(/^([A-Z][a-z]+)+$/);
  expect(Object.keys(Object(error))).toEqual([]);
}

function expectResult(alias: string | undefined, result: unknown): void {
  const text = JSON.stringify(result);
  expect(alias).toMatch(/^(account-one|warmup|admin)$/);
  if (alias !== 'account-one') {
    expect(text).not.toMatch(/access_token|not-a-real/);
  }
}

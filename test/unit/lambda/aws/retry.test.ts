// Tests when a DynamoDB operation is tried again, on virtual time.
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { DynamoFault, isThrottled } from '../../../../lambda/aws/call-dynamo.ts';
import { withRetry } from '../../../../lambda/aws/retry.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const throttle = new DynamoFault('ThrottlingException', 400);
const serverFault = new DynamoFault('InternalServerError', 500);
const refusal = new DynamoFault('ConditionalCheckFailedException', 400);
const unanswered = new Error('no answer');
const never = new AbortController().signal;

interface Scene {
  readonly random?: number;
  readonly signal?: AbortSignal;
  readonly isOnce?: boolean;
}

/** One operation whose attempts end with these errors; the attempts after them succeed. Returns the times of all attempts. */
async function run(errors: readonly unknown[], { random = 0.5, signal = never, isOnce = false }: Scene = {}) {
  const clock = createVirtualClock();
  const attempts: number[] = [];
  const attempt = async () => {
    attempts.push(clock.monotonic());
    const error = errors[attempts.length - 1];
    if (error !== undefined) {
      throw error;
    }
    return { output: 'done' };
  };
  const call = withRetry(attempt, { clock, random: () => random });
  const ended = await clock.until(
    call('UpdateItem', {}, signal, isOnce).then(
      ({ output }) => output,
      (thrown: unknown) => thrown,
    ),
  );
  return { attempts, ended };
}

describe('a throttled operation', () => {
  test.for([
    [0, [0, 350, 850, 1350, 1850]],
    [0.5, [0, 700, 1700, 2700, 3700]],
    [1, [0, 1050, 2550, 4050, 5550]],
  ] as const)('is tried until it succeeds, after growing pauses that vary (%f)', async ([random, attempts]) => {
    const errors = [throttle, throttle, throttle, throttle];
    expect(await run(errors, { random })).toEqual({ attempts, ended: 'done' });
  });

  test('ends with its own error when the signal aborts in a pause', async () => {
    const late = new AbortController();
    const clock = createVirtualClock();
    const call = withRetry(() => Promise.reject(throttle), { clock, random: () => 0.5 });
    const ended = call('GetItem', {}, late.signal).catch((thrown: unknown) => thrown);
    await clock.advance(100);
    late.abort();

    expect(await clock.until(ended)).toBe(throttle);
    expect(clock.monotonic()).toBe(100);
  });

  test('is not tried again when it is to be made once', async () => {
    expect(await run([throttle], { isOnce: true })).toEqual({ attempts: [0], ended: throttle });
  });

  test('ends with the lost answer before it when it is made once, because it may have been carried out', async () => {
    expect(await run([unanswered, throttle], { isOnce: true })).toEqual({ attempts: [0, 0], ended: unanswered });
  });

  test.each(['ThrottlingException', 'ProvisionedThroughputExceededException', 'RequestLimitExceeded'])(
    'is one that DynamoDB answered %s',
    (name) => {
      expect(isThrottled(new DynamoFault(name, 400))).toBe(true);
    },
  );

  test.each([refusal, serverFault, unanswered, new DynamoFault('NotAThrottlingException', 400)])(
    'is not one that failed otherwise (%s)',
    (thrown) => {
      expect(isThrottled(thrown)).toBe(false);
    },
  );
});

describe('an operation that failed otherwise', () => {
  test('is tried once more after 100 ms when the service failed, and at once when no answer came', async () => {
    expect(await run([serverFault])).toEqual({ attempts: [0, 100], ended: 'done' });
    expect(await run([unanswered])).toEqual({ attempts: [0, 0], ended: 'done' });
  });

  test('ends with the second failure, also if it was throttled in between', async () => {
    const second = new Error('second');
    expect(await run([serverFault, second])).toEqual({ attempts: [0, 100], ended: second });
    expect(await run([unanswered, throttle, second])).toEqual({ attempts: [0, 0, 700], ended: second });
  });

  test('ends at once when another attempt cannot help', async () => {
    expect(await run([refusal])).toEqual({ attempts: [0], ended: refusal });
    expect(await run([unanswered, refusal])).toEqual({ attempts: [0, 0], ended: refusal });
  });

  test('ends with the reason of the signal when that aborted', async () => {
    const reason = new Error('late');
    expect(await run([unanswered], { signal: AbortSignal.abort(reason) })).toEqual({ attempts: [0], ended: reason });
    expect(await run([serverFault], { signal: AbortSignal.abort(reason) })).toEqual({ attempts: [0], ended: reason });
  });
});

test('an answer says when the attempt was sent that brought it', async () => {
  const clock = createVirtualClock(1000);
  const errors = [throttle, throttle];
  const attempt = async () => {
    await clock.sleep(5);
    const error = errors.pop();
    if (error !== undefined) {
      throw error;
    }
    return { output: 'done', at: 2000 };
  };
  const call = withRetry(attempt, { clock, random: () => 0.5 });

  expect(await clock.until(call('GetItem', {}, never))).toEqual({ output: 'done', at: 2000, sentAt: 1000 + 1710 });
});

test('a fault keeps the record that came with it, which no print of the error shows', () => {
  const record = { access_token: { S: 'not-a-real-token' } };
  const fault = new DynamoFault('ConditionalCheckFailedException', 400, record);

  expect(fault.record).toBe(record);
  expect(inspect(fault, { depth: 9, showHidden: true })).not.toContain('not-a-real-token');
  expect(JSON.stringify(fault)).not.toContain('not-a-real-token');
});

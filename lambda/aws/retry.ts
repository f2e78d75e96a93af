// Tries a DynamoDB operation again where that helps. Called by dynamodb.ts.
import type { Ports } from '../broker/ports.ts';
import { type CallDynamo, DynamoFault, isThrottled } from './call-dynamo.ts';

/** What is tried again. `throttled` are the first and the longest pause after being throttled. Milliseconds. */
const pauseMs = { fault: 100, throttled: { first: 700, longest: 1000 } };

/**
 * Waits out throttling until the signal aborts, because many environments may start at once; pauses grow and are random,
 * so that the environments do not come again at once. An operation that is to be made only `once` is not repeated then.
 * Anything else that may pass is tried once more.
 *
 * @throws what the latest attempt threw, or the signal's reason. If an operation that is made once throws a fault of
 *   throttling, it was not carried out
 */
export function withRetry(attempt: CallDynamo, { clock, random }: Pick<Ports, 'clock' | 'random'>): CallDynamo {
  return (operation, input, signal, isOnce = false) => {
    const pauseAfter = createPauses(isOnce, random);
    return tryNow();

    async function tryNow(): ReturnType<CallDynamo> {
      const sentAt = clock.now();
      try {
        return { ...(await attempt(operation, input, signal)), sentAt };
      } catch (thrown) {
        await clock.sleep(pauseAfter(thrown), signal);
        if (signal.aborted) {
          throw isThrottled(thrown) ? thrown : signal.reason;
        }
        return await tryNow();
      }
    }
  };
}

/** Says how long to wait after a failed attempt. Milliseconds. @throws the failure if no other attempt is to follow */
function createPauses(isOnce: boolean, random: () => number): (thrown: unknown) => number {
  let failure: unknown;
  let throttled = 0;
  return (thrown) => {
    if (isThrottled(thrown)) {
      if (isOnce) {
        throw failure ?? thrown;
      }
      return Math.min(pauseMs.throttled.first * 2 ** throttled++, pauseMs.throttled.longest) * (0.5 + random());
    }
    const isFault = thrown instanceof DynamoFault;
    if (failure !== undefined || (isFault && !thrown.isServers)) {
      throw thrown;
    }
    failure = thrown;
    return isFault ? pauseMs.fault : 0;
  };
}

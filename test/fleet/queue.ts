// SQS and its event source mapping on virtual time: batches, a cap on invocations, messages that come again. Used by tenants.ts.
import type { VirtualClock } from '../support/virtual-clock.ts';

/** As infra/resources/due-queue.ts sets them. Milliseconds. */
const visibilityMs = 60_000;
const retentionMs = 240_000;
const mostReceived = 3;
const batchSize = 5;

export interface QueueOptions {
  readonly clock: VirtualClock;
  /** `maximumConcurrency`. */
  readonly concurrency: number;
  /** Answers one event. */
  readonly invoke: (event: { readonly Records: readonly QueueRecord[] }) => Promise<unknown>;
}

/** A message as Lambda hands it over. */
export interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
}

interface Message extends QueueRecord {
  readonly sentAt: number;
  received: number;
}

/** A queue that invokes the function with what it has, until it is empty. */
export function createQueue({ clock, concurrency, invoke }: QueueOptions) {
  const seen = { messages: 0, invocations: 0, expired: 0, dead: 0, longest: 0 };
  let waiting: Message[] = [];
  let running = 0;

  const send = async (input: Readonly<Record<string, unknown>>): Promise<unknown> => {
    await clock.sleep(10);
    const entries = input.Entries as readonly { readonly MessageBody: string }[];
    for (const { MessageBody: body } of entries) {
      seen.messages += 1;
      waiting.push({ messageId: String(seen.messages), body, sentAt: clock.monotonic(), received: 0 });
    }
    seen.longest = Math.max(seen.longest, waiting.length);
    start();
    return { Successful: entries };
  };
  return { send, seen };

  function start(): void {
    const fresh = waiting.filter(({ sentAt }) => clock.monotonic() - sentAt < retentionMs);
    seen.expired += waiting.length - fresh.length;
    waiting = fresh;
    while (running < concurrency && waiting.length > 0) {
      running += 1;
      void run(waiting.splice(0, batchSize)).finally(() => {
        running -= 1;
        start();
      });
    }
  }

  async function run(batch: readonly Message[]): Promise<void> {
    seen.invocations += 1;
    const Records = batch.map(({ messageId, body }) => ({ messageId, body, eventSource: 'aws:sqs' }));
    const answer = await invoke({ Records }).catch(() => undefined);
    const again = failuresOf(answer) ?? batch.map(({ messageId }) => messageId);
    for (const message of batch.filter(({ messageId }) => again.includes(messageId))) {
      void bringBack(message);
    }
  }

  async function bringBack(message: Message): Promise<void> {
    message.received += 1;
    if (message.received >= mostReceived) {
      seen.dead += 1;
      return;
    }
    await clock.sleep(visibilityMs);
    waiting.push(message);
    start();
  }
}

/** Undefined if the function crashed. */
function failuresOf(answer: unknown): readonly string[] | undefined {
  const { batchItemFailures } = (answer ?? {}) as { batchItemFailures?: readonly { itemIdentifier: string }[] };
  return batchItemFailures?.map(({ itemIdentifier }) => itemIdentifier);
}

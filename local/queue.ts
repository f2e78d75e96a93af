// A queue with the protocol of SQS, and what Lambda does with its messages: it hands them to the function. Called by services.ts.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { membersOf, parseJson } from '../lambda/json.ts';
import { type LoopbackServer, listenGuarded, readBody } from './loopback.ts';

/** The event of a batch of messages. */
export interface QueueEvent {
  readonly Records: readonly QueueRecord[];
}

/** A message as the function gets it. */
export interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
  readonly eventSource: 'aws:sqs';
}

/** The queue of warm-ups of the local run. It has only SendMessageBatch, and checks no signatures. */
export interface LocalQueue extends LoopbackServer {
  /** Where the function sends to. */
  readonly queueUrl: string;
  /**
   * Hands the messages over from now on, also those that wait, and each only once: what the function gives back is sent again by
   * the next tick. `take` must not reject.
   */
  readonly deliver: (take: (event: QueueEvent) => Promise<void>) => void;
}

/** As the stack sets them: messages of one event, and events at the same time. */
const batchLength = 5;
const concurrency = 10;
/** SQS takes 1 MiB at once. Bytes. */
const longestBody = 1_048_576;

/** Starts the queue on the loopback interface. */
export async function startQueue(): Promise<LocalQueue> {
  const waiting: QueueRecord[] = [];
  let take: Parameters<LocalQueue['deliver']>[0] | undefined;
  let running = 0;
  const server = await listenGuarded(createServer((request, response) => void answer(request, response)));
  return {
    ...server,
    queueUrl: `${server.url}/000000000000/due`,
    deliver: (given) => {
      take = given;
      handOver();
    },
  };

  function handOver(): void {
    while (take !== undefined && running < concurrency && waiting.length > 0) {
      running += 1;
      void take({ Records: waiting.splice(0, batchLength) }).then(() => {
        running -= 1;
        handOver();
      });
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, longestBody);
    const bodies = body === undefined ? undefined : bodiesOf(request.headers['x-amz-target'], body.toString());
    if (bodies === undefined) {
      send(response, 400, { __type: 'com.amazonaws.sqs#UnsupportedOperation', message: 'not a batch of messages' });
      return;
    }
    const records = bodies.map((text) => ({ messageId: randomUUID(), body: text, eventSource: 'aws:sqs' as const }));
    waiting.push(...records);
    send(response, 200, { Successful: records.map(({ messageId }) => ({ MessageId: messageId })), Failed: [] });
    handOver();
  }
}

/** The bodies of the messages; undefined if the request is another one. */
function bodiesOf(target: unknown, body: string): readonly string[] | undefined {
  const entries = membersOf(parseJson(body))?.get('Entries');
  return target === 'AmazonSQS.SendMessageBatch' && Array.isArray(entries)
    ? entries.map((entry) => String(membersOf(entry)?.get('MessageBody')))
    : undefined;
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify(body));
}

// Creates the queue of accounts whose warm-up is due, and lets it invoke the function. Called by parts.ts.
import { Duration } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, type IAlias } from 'aws-cdk-lib/aws-lambda';
import { type IQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { TokenBrokerProps } from '../token-broker-props.ts';

/** How many warm-ups of the queue run at the same time: at least that of two invocations, and Lambda's limit. */
export const warmUpsAtOnce = { least: 10, most: 5000, default: 50 } as const;
/** Messages of one invocation. It starts them together, as many as lambda/events/each-account.ts works on at a time. */
const batchSize = 5;
/** Longer than the time-out of the function. Three of these, and a tick, fit in the shortest retention. */
const visibility = Duration.seconds(60);
const shortestRetention = Duration.minutes(4);

/** Whether accounts are kept warm while they are in use: then the table has an index of what is due, and there is a queue. */
export function isDueIndexed({ accounts, openAccounts = false, warmUpsAtOnce: atOnce }: TokenBrokerProps): boolean {
  const isAsked = openAccounts !== false || Object.values(accounts).some(({ keepWarm }) => keepWarm === 'in-use');
  return atOnce === undefined ? isAsked : atOnce !== false;
}

/** How many invocations of the queue run at the same time. Lambda takes at least 2. */
export function invocationsAtOnce({ warmUpsAtOnce: atOnce }: TokenBrokerProps): number {
  return Math.max(2, Math.floor((atOnce || warmUpsAtOnce.default) / batchSize));
}

/** Settings of the queue. */
export interface DueQueueProps {
  /** The role of the function. */
  readonly role: Role;
  /** Time between two ticks. */
  readonly every: Duration;
}

/** The queue, and its dead letters: messages that were received three times, and never answered. */
export class DueQueue extends Construct {
  readonly queue: IQueue;
  readonly deadLetters: IQueue;

  constructor(scope: Construct, id: string, { role, every }: DueQueueProps) {
    super(scope, id);
    // The messages hold ids of accounts, and nothing secret.
    const shared = { enforceSSL: true, encryption: QueueEncryption.SQS_MANAGED };
    const deadLetters = new Queue(this, 'DeadLetters', { ...shared, retentionPeriod: Duration.days(14) });
    acknowledge(deadLetters, {
      id: 'Serverless-SQSRedrivePolicy',
      reason: 'It is the queue of the dead letters. An alarm watches it.',
    });
    this.deadLetters = deadLetters;
    this.queue = new Queue(this, 'Resource', {
      ...shared,
      visibilityTimeout: visibility,
      // What is still due then is sent again by the next tick. So a backlog does not grow.
      retentionPeriod: every.toSeconds() < shortestRetention.toSeconds() ? shortestRetention : every,
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: 3 },
    });
    role.addToPolicy(
      new PolicyStatement({
        // The last three are what Lambda needs to read the queue for the function.
        actions: ['sqs:SendMessage', 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
        resources: [this.queue.queueArn],
      }),
    );
  }

  /** Lets the queue invoke the alias. The messages that the function gives back come again. */
  invoke(alias: IAlias, props: TokenBrokerProps): void {
    const mapping = new EventSourceMapping(this, 'Mapping', {
      target: alias,
      eventSourceArn: this.queue.queueArn,
      batchSize,
      reportBatchItemFailures: true,
      maxConcurrency: invocationsAtOnce(props),
    });
    acknowledge(mapping, {
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason:
        'Lambda has no destination for a queue: a message that is not answered becomes a dead letter of the queue.',
    });
  }
}

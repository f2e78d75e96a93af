import { Duration, Validations } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Construct } from 'constructs';

/** A secret whose new versions are heard of. */
export interface WatchedSecret {
  /** Complete ARN. */
  readonly secretArn: string;
  /** Characters it can have once it is made. */
  readonly longestArn: number;
}

/** What keeps tokens ready. */
export interface WarmupProps {
  /** The alias that events call. */
  readonly alias: IAlias;
  /** Ids of the accounts to keep warm. With none, there is no schedule. */
  readonly accounts: readonly string[];
  readonly every: Duration;
  /** All accounts' secrets. */
  readonly secrets: readonly WatchedSecret[];
}

/**
 * One try a tick and no more: EventBridge would otherwise try a failed one 185 times, over a day, and each is a login.
 * The next tick is the retry.
 */
const onlyOnce = { retryAttempts: 0, maxEventAge: Duration.seconds(60) };

/** Renews tokens before callers have to wait for it, and hears of new credentials. */
export function addWarmup(scope: Construct, props: WarmupProps): void {
  if (props.accounts.length > 0) {
    new Schedule(scope, 'WarmupSchedule', {
      description: 'Renews Fegora tokens before they are needed',
      schedule: ScheduleExpression.rate(props.every),
      // Spread over a minute, so that brokers of many stacks do not log in at the same second.
      timeWindow: TimeWindow.flexible(Duration.minutes(1)),
      target: new LambdaInvoke(props.alias, {
        ...onlyOnce,
        input: ScheduleTargetInput.fromObject({ accounts: props.accounts }),
      }),
    });
  }
  inRules(props.secrets).forEach((arns, index) => {
    addSecretRule(scope, `SecretRule${index === 0 ? '' : index + 1}`, { ...props, arns });
  });
}

/**
 * An event pattern may have 2,048 characters; this much of it is left for ARNs, each with its quotes and comma.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
 */
const charactersForArns = 1_800;

/** The ARNs of each rule: as many as fit a pattern. */
function inRules(secrets: readonly WatchedSecret[]): string[][] {
  const rules: { arns: string[]; characters: number }[] = [];
  for (const { secretArn, longestArn } of secrets) {
    const characters = longestArn + '"",'.length;
    const last = rules.at(-1);
    if (last === undefined || last.characters + characters > charactersForArns) {
      rules.push({ arns: [secretArn], characters });
    } else {
      last.arns.push(secretArn);
      last.characters += characters;
    }
  }
  return rules.map(({ arns }) => arns);
}

/**
 * The event tells of a secret's new version without CloudTrail. It is a hint: losing one costs a caller one refused
 * login's time, no more. Secrets of others stay out of the pattern, so that their events cost no call.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/monitoring-eventbridge.html
 */
function addSecretRule(scope: Construct, id: string, { alias, arns }: { alias: IAlias; arns: string[] }): void {
  const rule = new Rule(scope, id, {
    description: 'Tries new Fegora credentials once they are current',
    eventPattern: {
      source: ['aws.secretsmanager'],
      detailType: ['Secret Label Updated'],
      resources: arns,
      detail: { labelUpdated: ['AWSCURRENT'] },
    },
    targets: [new LambdaFunction(alias, onlyOnce)],
  });
  Validations.of(rule).acknowledge({
    id: 'Serverless-EventBusDLQ',
    reason: 'A lost hint costs nothing: the next caller or warm-up meets the new version. A kept one would be late.',
  });
}

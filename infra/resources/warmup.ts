// Creates the schedule that renews tokens and the rules for new secret versions. Called by token-broker.ts.
import { Duration } from 'aws-cdk-lib';
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

/** A secret whose new versions start a warm-up. */
export interface WatchedSecret {
  /** Complete ARN. */
  readonly secretArn: string;
  /** Maximum length of the ARN, in characters. */
  readonly longestArn: number;
  /** The name, if it begins with the prefix of the broker. */
  readonly secretName: string | undefined;
}

/** Settings of the schedule and of the rules. */
export interface WarmupProps {
  /** The alias that the schedule and the rules invoke. */
  readonly alias: IAlias;
  /** Ids of the accounts that the schedule renews. If the list is empty, there is no schedule. */
  readonly accounts: readonly string[];
  /** Time between two warm-ups. */
  readonly every: Duration;
  /** The secrets of all accounts. */
  readonly secrets: readonly WatchedSecret[];
  /** What the names that follow from ids begin with. Undefined if there are none. */
  readonly secretPrefix: string | undefined;
  /** Accounts that the second schedule does not send to the queue, also if they are due. Undefined if there is no queue. */
  readonly exceptDue: readonly string[] | undefined;
}

/**
 * EventBridge tries each event only once, because each try can be a login. By default, EventBridge would try a failed
 * event 185 times within a day. The next warm-up is the retry.
 */
const onlyOnce = { retryAttempts: 0, maxEventAge: Duration.seconds(60) };

/** Adds the schedule and the rules to the scope. */
export function addWarmup(scope: Construct, props: WarmupProps): void {
  if (props.accounts.length > 0) {
    new Schedule(scope, 'WarmupSchedule', {
      description: 'Renews Fegora tokens before they are needed',
      schedule: ScheduleExpression.rate(props.every),
      // The window of one minute spreads warm-ups, so that the brokers of many stacks do not log in at the same second.
      timeWindow: TimeWindow.flexible(Duration.minutes(1)),
      target: new LambdaInvoke(props.alias, {
        ...onlyOnce,
        input: ScheduleTargetInput.fromObject({ accounts: props.accounts }),
      }),
    });
  }
  const { exceptDue: except } = props;
  if (except !== undefined) {
    const input = ScheduleTargetInput.fromObject({ due: true, ...(except.length > 0 && { except }) });
    new Schedule(scope, 'DueSchedule', {
      description: 'Sends the accounts whose Fegora tokens are due for renewal to a queue',
      schedule: ScheduleExpression.rate(props.every),
      timeWindow: TimeWindow.flexible(Duration.minutes(1)),
      target: new LambdaInvoke(props.alias, { ...onlyOnce, input }),
    });
  }
  const { alias, secrets, secretPrefix } = props;
  arnsByRule(secrets.filter(({ secretName }) => secretName === undefined)).forEach((resources, index) => {
    addSecretRule(scope, `SecretRule${index === 0 ? '' : index + 1}`, alias, { resources });
  });
  if (secretPrefix !== undefined) {
    // One rule for any number of accounts. The function ignores secrets under the prefix that no account has.
    addSecretRule(scope, 'SecretsByName', alias, { name: Match.prefix(secretPrefix) });
  }
}

/**
 * Characters of an event pattern that remain for ARNs, with their quotes and commas. A pattern may have 2,048
 * characters.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
 */
const charactersForArns = 1_800;

/** Returns the ARNs of each rule, as many as fit into one pattern. */
function arnsByRule(secrets: readonly WatchedSecret[]): string[][] {
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

/** The secrets of a rule: their ARNs, or a pattern for their names. */
interface Watched {
  readonly resources?: string[];
  readonly name?: string[];
}

/**
 * Adds a rule for the event that Secrets Manager sends, without CloudTrail, when a secret has a new current version. If
 * an event is lost, one caller waits longer for a login with the new version. The pattern names the secrets, or what their
 * names begin with, so the events of other secrets do not invoke the function.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/monitoring-eventbridge.html
 */
function addSecretRule(scope: Construct, id: string, alias: IAlias, { resources, name }: Watched): void {
  const rule = new Rule(scope, id, {
    description: 'Tries new Fegora credentials once they are current',
    eventPattern: {
      source: ['aws.secretsmanager'],
      detailType: ['Secret Label Updated'],
      ...(resources && { resources }),
      detail: { labelUpdated: ['AWSCURRENT'], ...(name && { name }) },
    },
    targets: [new LambdaFunction(alias, onlyOnce)],
  });
  acknowledge(rule, {
    id: 'Serverless-EventBusDLQ',
    reason:
      'A lost event costs little: the next caller or warm-up reads the new version. A stored event would come too late.',
  });
}

// Tests the schedule and the rules that start warm-ups (infra/resources/warmup.ts).
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../../infra/stack.ts';
import { aliases } from '../../../lambda/config.ts';
import { warmUpEveryMs } from '../../../local/warm-ups.ts';
import { asJson, propertiesOf } from '../support/statements.ts';
import { arns, bundle, createApp, templateOf } from '../support/synth.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');

const warmup = { Ref: Match.stringLikeRegexp(`^BrokerFunctionAlias${aliases.warmup}`) };

describe('the schedule', () => {
  test('the schedule invokes the warm-up alias every 4 minutes, within a window of a minute, without retries', () => {
    minimal.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(4 minutes)',
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 1 },
      State: 'ENABLED',
      Target: {
        Arn: warmup,
        Input: '{"accounts":["main"]}',
        RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
      },
    });
  });

  test('the schedule has the period of the local run, which warms its accounts itself', () => {
    const ScheduleExpression = `rate(${warmUpEveryMs / 60_000} minutes)`;
    minimal.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression });
  });

  test('the schedule leaves out accounts with keepWarm false', () => {
    full.hasResourceProperties('AWS::Scheduler::Schedule', { Target: { Input: '{"accounts":["main"]}' } });
  });

  test('the schedule has the period of the settings, and is absent with its alarm when no account is kept warm', () => {
    const often = build({ accounts: { main: {} }, warmUpMinutes: 2 });
    often.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(2 minutes)' });
    const cold = build({ accounts: { main: { keepWarm: false } } });
    cold.resourceCountIs('AWS::Scheduler::Schedule', 0);
    expect(JSON.stringify(propertiesOf('AWS::CloudWatch::Alarm', cold))).not.toContain('NoWarmUp');
  });
});

describe('the rule for secrets', () => {
  test('the rule matches only new current versions of the configured secrets, and invokes the warm-up alias once', () => {
    full.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.secretsmanager'],
        'detail-type': ['Secret Label Updated'],
        resources: [{ Ref: Match.stringLikeRegexp('^BrokerCredentialsmain') }, arns.secret],
        detail: { labelUpdated: ['AWSCURRENT'] },
      },
      Targets: [{ Arn: warmup, RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 } }],
    });
  });

  test('the stack has enough rules for all secrets, each with a pattern of at most 2,048 characters', () => {
    // The longest ARN of an existing secret: 65 characters, a name of 300, a hyphen and 6 characters.
    const longArn = (index: number) =>
      `arn:aws-us-gov:secretsmanager:ap-southeast-1:111111111111:secret:${'x'.repeat(298)}${index + 10}-AbCdEf`;
    const settings = {
      made: Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`a-taxpayer-${index}`, {}])),
      existing: Object.fromEntries(
        Array.from({ length: 8 }, (_, index) => [`a${index}`, { secretArn: longArn(index) }]),
      ),
    };
    for (const accounts of Object.values(settings)) {
      const patterns = propertiesOf('AWS::Events::Rule', build({ accounts })).map(({ EventPattern }) => EventPattern);
      expect(patterns.flatMap((pattern) => asJson(pattern).resources)).toHaveLength(Object.keys(accounts).length);
      for (const pattern of patterns) {
        expect(longestText(pattern).length).toBeLessThanOrEqual(2_048);
      }
    }
  });
});

/** Returns a pattern in which the ARN of each created secret has its maximum length. */
function longestText(pattern: unknown): string {
  return JSON.stringify(pattern).replaceAll(
    /\{"Ref":"(\w+)"\}/g,
    (_, logicalId) =>
      `"arn:aws-us-gov:secretsmanager:ap-southeast-1:111111111111:secret:${logicalId}-${'x'.repeat(12)}-AbCdEf"`,
  );
}

/** Returns the template of a stage with these settings. */
function build(stage: object): Template {
  return Template.fromStack(
    new TokenBrokerStack(createApp(), 'Stack', { ...parseSettings({ stage }, 'stage'), code: Code.fromAsset(bundle) }),
  );
}

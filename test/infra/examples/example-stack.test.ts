// Tests the rights of the example callers and the probes (infra/examples/example-stack.ts).
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { statementsOf } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

const examples = templateOf('examples');
const statements = statementsOf(examples);

/** Returns the rights of a role to call the broker, each as an action and a resource. */
function rightsOf(logicalIdPrefix: string): string[] {
  return statements
    .filter(({ logicalId }) => logicalId.startsWith(`${logicalIdPrefix}DefaultPolicy`))
    .flatMap(({ actions, resources }) =>
      actions.flatMap((action) => resources.map((resource) => `${action} ${resource}`)),
    )
    .filter((right) => /^(lambda|execute-api):/.test(right));
}

test('each example caller has the right on one account, in its own way of calling, and the denied probe has none', () => {
  const paths = [expect.stringMatching(/\/v1\/POST\/token$/), expect.stringMatching(/\/v1\/POST\/token\/main$/)];
  const alias = expect.stringMatching(/^lambda:InvokeFunction .*Aliasaccountmain/);
  expect(rightsOf('ApiCallerRole')).toEqual(paths);
  expect(rightsOf('PermittedProbeFunctionRole')).toEqual(paths);
  expect(rightsOf('DirectCallerRole')).toEqual([alias]);
  expect(rightsOf('InvoicingRole')).toEqual(expect.arrayContaining([alias]));
  expect(rightsOf('DeniedProbeFunctionRole')).toEqual([]);
});

test('only schedules and workflows of this AWS account can assume the roles of the examples', () => {
  const trusts = statements.filter(({ principals }) => /^(states|scheduler)\.amazonaws\.com$/.test(principals.join()));
  expect(trusts.map(({ actions }) => actions)).toEqual(Array.from({ length: 3 }, () => ['sts:AssumeRole']));
  for (const { condition } of trusts) {
    expect(condition).toMatch(/^StringEquals=aws:SourceAccount=\{AWS::AccountId\}/);
  }
});

describe('probes', () => {
  test('the probes run every 5 minutes, without retries', () => {
    examples.resourceCountIs('AWS::Scheduler::Schedule', 2);
    examples.allResourcesProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(5 minutes)',
      Target: Match.objectLike({ RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 } }),
    });
  });

  test('one probe expects a token and the other a refusal', () => {
    for (const expected of ['token', 'forbidden']) {
      examples.hasResourceProperties('AWS::Lambda::Function', {
        Environment: { Variables: { EXPECTED_OUTCOME: expected, FEGORA_BROKER_ACCOUNT: 'main' } },
      });
    }
  });

  test('each probe has an alarm on an unexpected outcome and another on missing runs', () => {
    for (const [metric, missing, threshold] of [
      ['Errors', 'notBreaching', 2],
      ['Invocations', 'breaching', 1],
    ] as const) {
      const alarms = examples.findResources('AWS::CloudWatch::Alarm', {
        Properties: { MetricName: metric, TreatMissingData: missing, Threshold: threshold, Period: 900 },
      });
      expect(Object.keys(alarms)).toHaveLength(2);
    }
  });
});

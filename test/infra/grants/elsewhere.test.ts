// Tests grants to other regions and AWS accounts: what the policies say, and what is refused (infra/grants/elsewhere.ts).
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ArnPrincipal, type IGrantable, Role, SessionTagsPrincipal, User } from 'aws-cdk-lib/aws-iam';
import { describe, expect, test } from 'vitest';
import type { TokenBroker } from '../../../infra/index.ts';
import { propertiesOf } from '../support/statements.ts';
import { arns, createApp } from '../support/synth.ts';
import { createBroker, createFunction, env } from '../support/user-app.ts';
import { remarksOf } from '../support/warnings.ts';

const foreign = 'arn:aws:iam::222222222222:';

function build(environment: { account?: string; region?: string } = env) {
  const app = createApp();
  const stack = new Stack(app, 'Broker', { env: environment });
  return { stack, broker: createBroker(stack), callers: new Stack(app, 'Callers', { env }) };
}

type Grant = (broker: TokenBroker, grantee: IGrantable) => unknown;

const grants: readonly (readonly [name: string, grant: Grant, needs: string])[] = [
  [
    'grantToken',
    (broker, who) => broker.grantToken(who, 'main'),
    'execute-api:Invoke on POST /token/main and POST /token.',
  ],
  ['grantInvoke', (broker, who) => broker.grantInvoke(who, 'main'), 'lambda:InvokeFunction on the alias account-main.'],
  [
    'grantAdmin',
    (broker, who) => broker.grantAdmin(who),
    'lambda:InvokeFunction on the alias admin; secretsmanager:DescribeSecret, PutSecretValue and UpdateSecretVersionStage on the secrets; kms:Decrypt and kms:GenerateDataKey on their key.',
  ],
];

test('promise 61: policies in a stack of another region name the region and the AWS account of the broker', () => {
  const app = createApp();
  app.node.setContext('@aws-cdk/core:defaultCrossStackReferences', 'weak');
  const existing = { secretArn: arns.secret, secretKeyArn: arns.secretKey };
  const accounts = { main: {}, existing };
  const broker = createBroker(new Stack(app, 'Broker', { env, crossRegionReferences: true }), { accounts });
  const elsewhere = { env: { ...env, region: 'us-west-2' }, crossRegionReferences: true };
  const callers = new Stack(app, 'Callers', elsewhere);
  broker.grantAdmin(Role.fromRoleArn(callers, 'Operators', arns.directCaller));
  broker.connect(createFunction(callers, 'Caller'), 'main');
  broker.connect(createFunction(callers, 'Direct'), 'existing', { via: 'invoke' });
  const template = Template.fromStack(callers);
  const policies = JSON.stringify([
    propertiesOf('AWS::IAM::Policy', template),
    propertiesOf('AWS::Lambda::Function', template).map(({ Environment }) => Environment),
  ]);
  expect(policies).toContain('"secretsmanager.us-east-1."');
  expect(policies).not.toMatch(/us-west-2|AWS::Region|AWS::AccountId/);
});

describe('users of another AWS account', () => {
  test.each(grants)('promise 60: %s refuses an imported one, and says what to pass', (_, grant) => {
    const { stack, broker, callers } = build();
    const user = User.fromUserArn(stack, 'Bob', `${foreign}user/ops/bob`);
    const others = [new SessionTagsPrincipal(user), User.fromUserArn(callers, 'Bob', `${foreign}user/ops/bob`)];
    for (const grantee of [user, ...others]) {
      expect(() => grant(broker, grantee)).toThrow(
        /^(Broker|Callers)\/Bob is a user of another AWS account, and the CDK would give the right to the user of that name in the account of the stack: pass new ArnPrincipal/,
      );
    }
    grant(broker, new ArnPrincipal(`${foreign}user/ops/bob`));
    Template.fromStack(stack).resourcePropertiesCountIs('AWS::IAM::Policy', { Users: ['bob'] }, 0);
  });
});

describe('what the policy of a grantee of another AWS account must allow', () => {
  test.each(grants)('promise 60: synth says it for %s, by ARN and imported', (_, grant, needs) => {
    const { stack, broker } = build();
    grant(broker, new ArnPrincipal(`${foreign}role/R`));
    grant(broker, Role.fromRoleArn(stack, 'Q', `${foreign}role/Q`));
    const must = 'is in another AWS account. Its own policy, in 222222222222, must allow it too: ';
    expect(remarksOf(broker)).toEqual(
      [`${foreign}role/R`, 'Broker/Q'].map((who) => expect.stringContaining(`${who} ${must}${needs}`)),
    );
  });

  test.each(grants)('synth says nothing of it for %s in the same or an unknown AWS account', (_, grant) => {
    for (const { broker } of [build(), build({})]) {
      grant(broker, new ArnPrincipal(arns.directCaller));
      expect(remarksOf(broker)).toEqual([]);
    }
  });
});

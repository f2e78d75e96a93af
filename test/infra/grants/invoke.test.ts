// Tests direct invocation by grantees of another AWS account, imported in another stack (infra/grants/invoke.ts).
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type IGrantable, Role, ServicePrincipal, SessionTagsPrincipal } from 'aws-cdk-lib/aws-iam';
import { expect, test } from 'vitest';
import { propertiesOf } from '../support/statements.ts';
import { createApp } from '../support/synth.ts';
import { createBroker, env } from '../support/user-app.ts';
import { warningsOf } from '../support/warnings.ts';

const foreign = 'arn:aws:iam::999922223333:';

function build(environment: { account?: string; region?: string } = env) {
  const app = createApp();
  const stack = new Stack(app, 'Broker', { env: environment });
  return { stack, broker: createBroker(stack), callers: new Stack(app, 'Callers', { env: environment }) };
}

/** Returns whom a permission of the stack lets invoke the function, except services. */
function allowedIn(stack: Stack) {
  const principals = propertiesOf('AWS::Lambda::Permission', Template.fromStack(stack)).map((each) => each.Principal);
  return principals.filter((principal) => !String(principal).endsWith('.amazonaws.com'));
}

test.each<[what: string, arn: string, grantee: (callers: Stack) => IGrantable]>([
  ['a role', `${foreign}role/p/abc`, (callers) => Role.fromRoleArn(callers, 'R', `${foreign}role/p/abc`)],
  [
    'a role with session tags',
    `${foreign}role/abc`,
    (callers) => new SessionTagsPrincipal(Role.fromRoleArn(callers, 'R', `${foreign}role/abc`)),
  ],
])(
  'promise 61: grantInvoke lets %s of another AWS account, imported in another stack, invoke the alias',
  (_, arn, of) => {
    const { stack, broker, callers } = build();
    expect(broker.grantInvoke(of(callers), 'main').success).toBe(true);
    expect(allowedIn(stack)).toEqual([arn]);
    expect(warningsOf(broker)).toEqual([]);
  },
);

test('promise 61: grantInvoke writes the permission if the stack does not know its AWS account', () => {
  const { stack, broker, callers } = build({});
  broker.grantInvoke(Role.fromRoleArn(callers, 'R', `${foreign}role/abc`), 'main');
  expect(allowedIn(stack)).toEqual([`${foreign}role/abc`]);
});

test('promise 61: grantInvoke writes the permission for a role whose policy stays and whose grants go to resources', () => {
  const { stack, broker, callers } = build();
  const role = new Role(callers, 'R', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  const { success } = broker.grantInvoke(role.withoutPolicyUpdates({ addGrantsToResources: true }), 'main');
  expect(success).toBe(true);
  expect(allowedIn(stack)).toHaveLength(1);
});

test.each(['grantInvoke', 'grantToken'] as const)(
  'promise 61: %s changes only the policy of a role that is imported by a reference to its own stack',
  (grant) => {
    const { stack, broker, callers } = build();
    const role = new Role(callers, 'R', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    broker[grant](Role.fromRoleArn(callers, 'Imported', role.roleArn), 'main');
    expect(allowedIn(stack)).toEqual([]);
    Template.fromStack(callers).resourceCountIs('AWS::IAM::Policy', 1);
  },
);

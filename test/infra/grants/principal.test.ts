// Tests which principals can get a right, and what synth says about the others (infra/grants/principal*.ts).
import { CfnParameter, Fn, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ArnPrincipal, type IGrantable, Role, ServicePrincipal, SessionTagsPrincipal } from 'aws-cdk-lib/aws-iam';
import { describe, expect, test } from 'vitest';
import { TokenBroker } from '../../../infra/index.ts';
import { accepted, own, refused } from '../support/principals.ts';
import { statementsOf } from '../support/statements.ts';
import { arns, createApp } from '../support/synth.ts';
import { createBroker, env } from '../support/user-app.ts';
import { warningsOf } from '../support/warnings.ts';

function build(environment: { account?: string; region?: string } = env) {
  const stack = new Stack(createApp(), 'Stack', { env: environment });
  return { stack, broker: createBroker(stack) };
}

const grants = {
  grantToken: (broker: TokenBroker, grantee: IGrantable) => broker.grantToken(grantee, 'main'),
  grantInvoke: (broker: TokenBroker, grantee: IGrantable) => broker.grantInvoke(grantee, 'main'),
  grantAdmin: (broker: TokenBroker, grantee: IGrantable) => broker.grantAdmin(grantee),
};

/** These always warn, so the tests of warnings leave them out. */
const wideGrants = {
  grantTokenByTag: (broker: TokenBroker, grantee: IGrantable) => broker.grantTokenByTag(grantee, 'fegora-account'),
  grantTokenForAll: (broker: TokenBroker, grantee: IGrantable) => broker.grantTokenForAll(grantee),
};

describe('promise 60: principals that no policy could match, or that would let others in', () => {
  test.each(refused)('promise 60: each grant refuses %s, and says why and what to do', (_, grantee, reason) => {
    const { stack, broker } = build();
    const principal = grantee(stack);
    for (const grant of Object.values({ ...grants, ...wideGrants })) {
      expect(() => grant(broker, principal)).toThrow(reason);
      expect(() => grant(broker, principal)).toThrow('cannot get a right of the broker, only a role or a user can: ');
    }
  });

  test('promise 60: an imported broker refuses them too', () => {
    const { stack } = build();
    const broker = TokenBroker.fromAttributes(stack, 'Imported', {
      functionArn: 'arn:aws:lambda:us-east-1:111111111111:function:broker',
      apiId: 'abcde12345',
      accounts: ['main'],
    });
    for (const [what, grantee, reason] of refused.filter(([name]) => !name.endsWith('of the app'))) {
      const scope = new Stack(stack, what.replaceAll(/\W/g, ''), { env });
      const principal = grantee(scope);
      expect(() => broker.grantToken(principal, 'main')).toThrow(reason);
      expect(() => broker.grantInvoke(principal, 'main')).toThrow(reason);
      expect(() => broker.grantTokenByTag(principal, 'fegora-account')).toThrow(reason);
      expect(() => broker.grantTokenForAll(principal)).toThrow(reason);
    }
  });

  test.each([undefined, null, `${own}role/R`, {}, { grantPrincipal: {} }, { grantPrincipal: null }])(
    'promise 60: the grants refuse %s, which JavaScript lets through',
    (value) => {
      const { broker } = build();
      for (const grant of Object.values(grants)) {
        // @ts-expect-error: TypeScript refuses the value
        expect(() => grant(broker, value)).toThrow(
          'pass a role, a user, a function, or new ArnPrincipal(<ARN of a role>)',
        );
      }
    },
  );

  test.each(accepted)(
    'promise 60: every grant accepts %s, and the Deny of the credentials names it',
    (_, grantee, arn) => {
      const { stack, broker } = build();
      const principal = grantee(stack);
      for (const grant of Object.values(grants)) {
        grant(broker, principal);
      }
      expect(warningsOf(stack)).toEqual([]);
      const denial = statementsOf(Template.fromStack(stack)).find(({ sid }) => sid === 'WritingForAdministratorsAlone');
      expect(denial?.condition).toBe(`ArnNotEquals=aws:PrincipalArn=${arn}`);
    },
  );
});

test('promise 60: each grant refuses the role of the broker itself, also by its ARN', () => {
  const { broker } = build();
  for (const grantee of [broker.role, new ArnPrincipal(broker.role.roleArn)]) {
    for (const grant of Object.values(grants)) {
      expect(() => grant(broker, grantee)).toThrow('this is the role of the broker itself');
    }
  }
});

test('promise 60: the grants accept a role that the CDK looks up only after the first synth', () => {
  const { stack, broker } = build();
  const imported = TokenBroker.fromAttributes(stack, 'Imported', {
    functionArn: 'arn:aws:lambda:us-east-1:111111111111:function:broker',
    apiId: 'abcde12345',
    accounts: ['main'],
  });
  const role = Role.fromLookup(stack, 'R', { roleName: 'Operators' });
  for (const grant of Object.values(grants)) {
    grant(broker, role);
  }
  expect(() => imported.grantToken(role, 'main')).not.toThrow();
  expect(() => imported.grantInvoke(role, 'main')).not.toThrow();
  expect(warningsOf(stack)).toEqual([]);
});

describe('principals that are accepted with a warning', () => {
  test.each([
    ['a parameter', (stack: Stack) => new CfnParameter(stack, 'Arn').valueAsString],
    ['an import', () => Fn.importValue('RoleArn')],
    ['a kind of parameter', (stack: Stack) => `${own}${new CfnParameter(stack, 'Kind').valueAsString}/R`],
  ])('promise 60: the grants warn about %s, which is known only at deployment', (_, arnIn) => {
    for (const grant of Object.values(grants)) {
      const { stack, broker } = build();
      grant(broker, new ArnPrincipal(arnIn(stack)));
      expect(warningsOf(broker)).toEqual([expect.stringContaining('It must be the ARN of one role or user')]);
    }
  });

  test('promise 60: grantAdmin warns about the role of a permission set, which can get another name', () => {
    const { broker } = build();
    broker.grantAdmin(new ArnPrincipal(arns.administrator));
    expect(warningsOf(broker)).toEqual([expect.stringContaining('Keep a second administrator')]);
  });

  test('promise 60: the grants warn about an imported role when the stack does not know its AWS account', () => {
    const { stack, broker } = build({});
    broker.grantToken(Role.fromRoleArn(stack, 'R', `${own}role/R`), 'main');
    expect(warningsOf(broker)).toEqual([expect.stringContaining('set env.account of the stack')]);
  });

  test('promise 60: the grants warn about a role whose policy the CDK does not change, because no policy gives the right', () => {
    const { stack, broker } = build();
    broker.grantToken(Role.fromRoleArn(stack, 'R', `${own}role/R`, { mutable: false }), 'main');
    expect(warningsOf(broker)).toEqual([expect.stringContaining('mutable: false, or made by withoutPolicyUpdates')]);
    expect(
      statementsOf(Template.fromStack(stack)).filter(({ principals }) => principals.includes(`${own}role/R`)),
    ).toEqual([]);
  });

  test('promise 60: the grants warn about a role of the app whose policy stays, also behind session tags', () => {
    const { stack, broker } = build();
    const role = new Role(stack, 'R', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    broker.grantToken(new SessionTagsPrincipal(role.withoutPolicyUpdates()), 'main');
    expect(warningsOf(broker)).toEqual([expect.stringContaining('made by withoutPolicyUpdates')]);
  });

  test('a stack whose region is known only at deployment accepts principals of every partition', () => {
    const { broker } = build({});
    expect(() => broker.grantToken(new ArnPrincipal('arn:aws-cn:iam::111111111111:role/R'), 'main')).not.toThrow();
  });
});

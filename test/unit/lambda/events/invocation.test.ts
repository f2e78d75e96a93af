// What describeInvocation finds in an event and its context: entry point, caller, ids and account.
import { describe, expect, it } from 'vitest';
import { describeInvocation } from '../../../../lambda/events/invocation.ts';
import { callerArn, httpEvent, lambdaContext } from '../../../support/events/events.ts';

describe('the entry point', () => {
  it.each([
    ['http', 'http'],
    ['warmup', 'warmup'],
    ['admin', 'admin'],
    ['account-one', 'account'],
    ['account-4-3430775', 'account'],
    [undefined, 'none'],
    ['$LATEST', 'none'],
    ['1', 'none'],
    ['HTTP', 'none'],
    ['http ', 'none'],
    ['account-', 'none'],
    ['account-ONE', 'none'],
    ['account-one_two', 'none'],
    ['accounts', 'none'],
    ['one', 'none'],
  ])('of alias %s is %s, whatever the event contains', (alias, entryPoint) => {
    for (const event of [{}, null, httpEvent(), { action: 'purge', account: 'one' }, { accounts: ['one'] }]) {
      expect(describeInvocation(event, lambdaContext(alias), 'one').entryPoint).toBe(entryPoint);
    }
  });

  it('is none when Lambda gives no ARN', () => {
    const context = { ...lambdaContext('http'), invokedFunctionArn: 'fegora-token-broker:http' };
    expect(describeInvocation({}, context, 'one').entryPoint).toBe('none');
  });
});

describe('the caller of an invocation', () => {
  const describeCaller = (userArn: unknown) =>
    describeInvocation(
      httpEvent({ event: { requestContext: { identity: { userArn }, requestId: 'r-1' } } }),
      lambdaContext('http'),
      'one',
    );

  it('is the ARN that API Gateway authenticated, with the request id of API Gateway', () => {
    expect(describeCaller(callerArn)).toEqual({
      entryPoint: 'http',
      caller: callerArn,
      callerRole: 'arn:aws:sts::000000000000:assumed-role/invoicing',
      requestId: 'r-1',
      invocationId: '3f2b1c9e-0000-4000-8000-000000000001',
      account: 'one',
    });
  });

  it.each([
    ['arn:aws:iam::000000000000:user/path/ana', 'arn:aws:iam::000000000000:user/path/ana'],
    ['arn:aws:iam::000000000000:root', 'arn:aws:iam::000000000000:root'],
    ['arn:aws:sts::000000000000:federated-user/ana', 'arn:aws:sts::000000000000:federated-user'],
    ['arn:aws:sts::000000000000:assumed-role/a/b/c', 'arn:aws:sts::000000000000:assumed-role/a'],
    ['a line\n{"audit":"issue"}', 'unknown'],
    ['', 'unknown'],
    [null, 'unknown'],
    [{ arn: callerArn }, 'unknown'],
  ])('%s has the role %s', (userArn, role) => {
    expect(describeCaller(userArn).callerRole).toBe(role);
  });

  it('is the alias of a direct invocation, whatever the event contains', () => {
    const invocation = describeInvocation(httpEvent({ account: 'two' }), lambdaContext('account-one'), 'one');
    expect(invocation).toMatchObject({ caller: 'alias:account-one', account: 'one' });
    expect(invocation.requestId).toBe(invocation.invocationId);
  });
});

describe('the role of a caller', () => {
  it('has at most 250 characters, the limit of a metric', () => {
    const userArn = `arn:aws:iam::000000000000:user/${'x'.repeat(300)}`;
    const { caller, callerRole } = describeInvocation(
      httpEvent({ event: { requestContext: { identity: { userArn } } } }),
      lambdaContext('http'),
      undefined,
    );
    expect(caller).toBe(userArn);
    expect(callerRole).toBe(userArn.slice(0, 250));
  });
});

// Answers direct invocations of the aliases `account-<id>`. Called by router.ts.
import { BrokerError } from '../errors.ts';
import { membersOf } from '../json.ts';
import type { EventHandler } from './invocation.ts';
import type { IssueToken } from './token-request.ts';

/**
 * Answers a direct invocation: the alias names the account, and the event is the body of an HTTP request.
 *
 * @throws BrokerError `invalid_request`, and what `IssueToken` throws
 */
export function createDirectHandler(issueToken: IssueToken): EventHandler {
  return async (event, invocation, remaining) => {
    const body = membersOf(event);
    if (body === undefined || invocation.account === undefined) {
      throw new BrokerError('invalid_request', 'the payload is not a JSON object');
    }
    return issueToken({ account: invocation.account, body }, invocation, remaining);
  };
}

/**
 * Returns the error that Lambda gives to a direct caller. Its name is the code in PascalCase, for `Retry` and `Catch`
 * of Step Functions; its message is the JSON of the HTTP error. Lambda shows name, message and stack to the caller, and
 * logs every enumerable member. So the stack repeats only the name, and no member is enumerable.
 */
export function directFailure(error: BrokerError, requestId: string): Error {
  const name = error.code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.defineProperties(new Error(JSON.stringify(error.toBody(requestId))), {
    name: { value: name },
    stack: { value: name, enumerable: false },
  });
}

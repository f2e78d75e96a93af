// Answers direct invocations of the aliases `account-<id>`. Called by router.ts.
import { type BrokerError, invalidRequest } from '../errors.ts';
import { membersOf } from '../json.ts';
import type { EventHandler } from './invocation.ts';
import { type IssueToken, mostBodyBytes } from './token-request.ts';

/**
 * Answers a direct invocation: the alias names the account, and the event is the body of an HTTP request.
 *
 * @throws BrokerError `invalid_request`, and what `IssueToken` throws
 */
export function createDirectHandler(issueToken: IssueToken): EventHandler {
  return async (event, invocation, remaining) => {
    const body = membersOf(event);
    if (body === undefined || invocation.account === undefined) {
      throw invalidRequest('the payload is not a JSON object');
    }
    if (!isSmall(event)) {
      throw invalidRequest('the payload is over 1 KB');
    }
    return issueToken({ account: invocation.account, body }, invocation, remaining);
  };
}

/** Lambda parses the payload before the function gets it, so white space and repeated members are not counted. */
function isSmall(event: unknown): boolean {
  try {
    return Buffer.byteLength(JSON.stringify(event)) <= mostBodyBytes;
  } catch {
    // A payload of some megabytes can be nested deeper than JSON.stringify follows it.
    return false;
  }
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

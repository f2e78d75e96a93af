import { BrokerError } from '../errors.ts';
import { membersOf } from '../json.ts';
import type { Serve } from './invocation.ts';
import type { Issue } from './token-request.ts';

/** Answers a direct call: the alias names the account, the payload is the body of an HTTP call. */
export function createInvoke(issue: Issue): Serve {
  return async (event, call, remaining) => {
    const members = membersOf(event);
    if (members === undefined || call.account === undefined) {
      throw new BrokerError('invalid_request', 'the payload is no JSON object');
    }
    return issue({ account: call.account, members }, call, remaining);
  };
}

/**
 * A refusal or failure as the error that Lambda hands to a direct caller: the name is the code in PascalCase, for `Retry`
 * and `Catch` of Step Functions; the message is the JSON of the HTTP error. Lambda shows name, message and stack to the
 * caller and logs whatever is enumerable, so the stack says no more than the name and nothing is enumerable.
 */
export function thrownFailure(error: BrokerError, requestId: string): Error {
  const name = error.code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.defineProperties(new Error(JSON.stringify(error.toBody(requestId))), {
    name: { value: name },
    stack: { value: name, enumerable: false },
  });
}

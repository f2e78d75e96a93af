// Says which errors of the function a state repeats, by name. Read by task.ts and fegora-requests.ts; fegora-requests.test.ts tests it.
import { isRepeatable, type Method } from './rules.ts';

/**
 * Errors after which a second request is safe, with every method: there was no token, Fegora has not taken the request, or
 * the function did not start. A wait can help.
 */
export const transientErrors: readonly string[] = [
  'FegoraUnavailable',
  'Deadline',
  'RenewalInProgress',
  'SecretUnavailable',
  'TableUnavailable',
  'TooManyRejections',
  'UpstreamThrottled',
  'UpstreamTimeout',
  'UpstreamUnavailable',
  'BrokerUnreachable',
  'Throttled',
  'Lambda.TooManyRequestsException',
];

/** Errors of AWS after which the request may have been sent: the function may have run, and its answer is lost. */
const lostAnswers: readonly string[] = [
  'States.Timeout',
  'Sandbox.Timedout',
  'Runtime.ExitError',
  'Lambda.Unknown',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.ClientExecutionTimeoutException',
];

/** Errors after which Fegora may have processed a POST or a PATCH. */
export const unknownOutcomes: readonly string[] = ['FegoraOutcomeUnknown', ...lostAnswers];

/** The errors after which a state may send the request again. */
export function repeatedErrors(method: Method): string[] {
  return [...transientErrors, ...(isRepeatable(method) ? lostAnswers : [])];
}

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
  'Sandbox.Failure',
  'Runtime.ExitError',
  'Runtime.OutOfMemory',
  'Runtime.UnhandledPromiseRejection',
  'Runtime.Unknown',
  'Lambda.Unknown',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.ClientExecutionTimeoutException',
];

/** Errors after Fegora's answer: the state could not take it. Some can also come before the request. */
const answersNotTaken: readonly string[] = [
  'FegoraAnswerTooLarge',
  'States.DataLimitExceeded',
  'States.QueryEvaluationError',
  'States.ResultPathMatchFailure',
];

/** Errors after which Fegora may have processed a POST or a PATCH. */
export const unknownOutcomes: readonly string[] = ['FegoraOutcomeUnknown', ...lostAnswers, ...answersNotTaken];

/** The errors after which a state may send the request again. */
export function repeatedErrors(method: Method): string[] {
  return [...transientErrors, ...(isRepeatable(method) ? lostAnswers : [])];
}

/**
 * Returns those of the names with which a `Retry` would send a request again that may have been processed: the names of
 * unknown outcomes, wildcards, and every other error of AWS.
 */
export function unsafeErrors(method: Method, names: readonly string[]): string[] {
  const isUnsafe = (name: string) =>
    unknownOutcomes.includes(name) || /^(?:States|Lambda|Runtime|Sandbox|Function)\./.test(name);
  return isRepeatable(method) ? [] : names.filter((name) => isUnsafe(name) && !transientErrors.includes(name));
}

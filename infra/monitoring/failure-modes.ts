// Every way to fail: whether it needs a person, how soon, and which alarms ring. Read by scripts/ and tests; no bundle has it.

import type { FailedLogin } from '../../lambda/broker/login/login-outcome.ts';
import type { Incident } from '../../lambda/broker/ports.ts';
import type { ErrorCode } from '../../lambda/errors.ts';
import type { AlarmName } from './alarm-names.ts';

/** One way to fail. */
export type FailureMode = Rings | Quiet;

/** A failure that a person must know of. */
export interface Rings {
  /** What it means, in a few words. */
  readonly means: string;
  readonly person: 'at once' | 'today';
  /** The alarms that ring if it lasts. The first one says the most about the cause. */
  readonly alarms: readonly [AlarmName, ...AlarmName[]];
  /** The runbook to read. @default that of the first alarm */
  readonly runbook?: AlarmName;
}

/** A failure that needs no person by itself. */
export interface Quiet {
  readonly means: string;
  readonly person: 'no';
  /** Why no alarm rings. */
  readonly why: string;
  /** The heading of docs/operations.md to read all the same. */
  readonly runbook: string;
}

/** Callers and warm-ups of the account get no token. */
const felt = ['AccountFails', 'CallsFail'] as const;
const deniedCalls = { person: 'today', alarms: ['Denied'] } as const;
const ownFault = { person: 'at once', alarms: ['OperatorFaults', ...felt] } as const;
const accountFails = { person: 'at once', alarms: [...felt] } as const;
const fegoraFails = { person: 'at once', alarms: ['LoginsFail', ...felt] } as const;
const sign = { person: 'at once', alarms: ['SecuritySigns', ...felt] } as const;
const seenSign = { person: 'at once', alarms: ['SecuritySigns'] } as const;

/** What a call or a warm-up ends with. A new code does not compile until it has a line here. */
export const codeModes = {
  invalid_request: { means: 'a caller sends a malformed request', ...deniedCalls },
  invalid_account: { means: 'a caller names a malformed account', ...deniedCalls },
  forbidden: { means: 'a caller invokes the function without its alias', ...deniedCalls },
  unknown_account: { means: 'a caller asks for an account that the broker does not have', ...deniedCalls },
  throttled: {
    means: 'API Gateway refuses calls over the rate of `throttle`, or a caller asks for thousands of unknown ids',
    ...deniedCalls,
  },
  too_many_rejections: {
    means: 'a caller reports more tokens as rejected than it may',
    person: 'at once',
    alarms: ['CallsFail'],
  },
  internal: { means: 'a bug', ...ownFault },
  configuration: { means: 'a variable is wrong, or a right is missing', ...ownFault },
  secret_malformed: { means: 'a secret is not of the expected form', ...ownFault },
  secret_missing: { means: 'a secret does not exist, or that of an open account has lost its tag', ...ownFault },
  credentials_missing: { means: 'a secret has no value yet', ...ownFault },
  duplicate_user: { means: 'two accounts have one Fegora user', ...sign },
  credentials_rejected: {
    means: 'Fegora refuses the password',
    person: 'at once',
    alarms: ['CredentialsRejected', ...felt],
  },
  too_many_refusals: {
    means: 'three passwords of a user were refused within an hour',
    person: 'at once',
    alarms: ['CredentialsRejected', ...felt],
  },
  client_rejected: {
    means: 'Fegora refuses the client id',
    person: 'at once',
    alarms: ['ClientRejected', ...felt],
  },
  upstream_contract: { means: 'Fegora refuses the form of the login', ...accountFails, runbook: 'LoginsFail' },
  upstream_rejected: { means: 'Fegora refuses logins for an unknown reason', ...accountFails, runbook: 'LoginsFail' },
  upstream_invalid_response: { means: "Fegora's answer has no usable token", ...accountFails, runbook: 'LoginsFail' },
  upstream_unavailable: { means: 'Fegora is down', ...fegoraFails },
  upstream_timeout: { means: 'Fegora does not answer in time', ...fegoraFails },
  upstream_throttled: { means: 'Fegora asks for fewer logins', ...fegoraFails },
  upstream_redirect: { means: 'something answers for Fegora with a redirect', ...sign },
  upstream_tls: {
    means: "Fegora's certificate is not trusted",
    person: 'at once',
    alarms: ['SecuritySigns', 'LoginsFail', ...felt],
  },
  secret_unavailable: {
    means: 'Secrets Manager cannot be reached',
    person: 'at once',
    alarms: ['SecretUnavailable', ...felt],
  },
  table_unavailable: {
    means: 'DynamoDB cannot be used, or an item cannot',
    person: 'at once',
    alarms: ['TableUnavailable', ...felt],
  },
  renewal_in_progress: { means: 'a login under way does not end in time', ...accountFails, runbook: 'CallsFail' },
  login_budget: { means: 'a user has used up its logins', ...accountFails, runbook: 'BudgetHalfUsed' },
  deadline: { means: 'a call has too little time left', ...accountFails, runbook: 'CallsFail' },
  paused: { means: 'an operator has paused the account', person: 'today', alarms: ['PausedLong'] },
} as const satisfies Record<ErrorCode, FailureMode>;

/** What the broker notices besides. */
export const incidentModes = {
  table_unavailable: {
    means: 'DynamoDB or an item cannot be used, and callers still have tokens',
    person: 'today',
    alarms: ['TableUnavailable'],
  },
  token_malformed: { means: 'a stored token has a false seal', ...seenSign },
  mark_unwritten: { means: 'a refused password could not be noted, so another environment may send it', ...seenSign },
  budget_half_used: { means: 'a user has used up half of its logins', person: 'today', alarms: ['BudgetHalfUsed'] },
  html_500_repeated: {
    means: 'Fegora answers an account that had worked with its error page only',
    person: 'at once',
    alarms: ['Html500Repeated'],
  },
  item_malformed: {
    means: 'an item cannot be understood',
    person: 'no',
    why: 'each refresh then ends with `table_unavailable`, which rings',
    runbook: 'An item that the broker cannot use',
  },
  clock_unsteady: {
    means: 'the clocks of an environment and the table differ',
    person: 'no',
    why: 'each refresh then ends with `table_unavailable`, which rings if it lasts',
    runbook: 'An item that the broker cannot use',
  },
  guard_expired: {
    means: 'an environment stood still between claim and login',
    person: 'no',
    why: 'nothing was sent, and the next try follows at once; if it lasts, AccountFails and CallsFail ring',
    runbook: 'AccountFails',
  },
  publish_refused: {
    means: 'another login was claimed before a token could be stored',
    person: 'no',
    why: 'both tokens are served; if the user suffers from two logins, LoginsFail rings, later Html500Repeated',
    runbook: 'Html500Repeated',
  },
  user_taken_over: {
    means: 'a user passed to another account',
    person: 'no',
    why: 'an operator renamed or moved the account',
    runbook: 'A user passed to another account',
  },
} as const satisfies Record<Incident, FailureMode>;

/** How Fegora answers a login, if the answer is not a code. */
export const answerModes = {
  invalid_grant: { means: 'Fegora refuses the password', person: 'at once', alarms: ['CredentialsRejected'] },
  doubt: {
    means: 'an answer that may be about the password',
    person: 'no',
    why: 'calls then end with `upstream_rejected`, which rings, and three of them count as a refused password',
    runbook: 'CredentialsRejected',
  },
  html_500: { means: 'Fegora answers with its error page', person: 'today', alarms: ['LoginsFail'] },
  other_user: { means: 'the token is that of another user', person: 'at once', alarms: ['SecuritySigns'] },
  refresh_refused: {
    means: 'Fegora does not take a refresh token',
    person: 'no',
    why: 'the password follows in the same call; if Fegora refuses that too, CredentialsRejected rings',
    runbook: 'Html500Repeated',
  },
} as const satisfies Record<Exclude<FailedLogin['answer'], ErrorCode> | 'refresh_refused', FailureMode>;

/** What the broker cannot notice, or only by time. */
export const outerModes = {
  crash: { means: 'the function crashes or times out', person: 'today', alarms: ['Crashes'] },
  lambda_throttled: { means: 'Lambda refuses calls', person: 'at once', alarms: ['Throttles'] },
  gateway_failure: { means: 'API Gateway does not reach the function', person: 'at once', alarms: ['GatewayFails'] },
  gateway_denial: { means: 'IAM refuses a caller that has signed', ...deniedCalls },
  gateway_unsigned: {
    means: 'a stranger calls the address of the API',
    person: 'no',
    why: 'API Gateway refuses it before the function, and every public address gets such calls',
    runbook: 'Denied',
  },
  no_warm_up: { means: 'the schedule does not run', person: 'today', alarms: ['NoWarmUp'] },
  warm_ups_lost: { means: 'warm-ups of the queue are never answered', person: 'today', alarms: ['WarmUpsLost'] },
  slow_calls: { means: 'callers wait for seconds', person: 'today', alarms: ['SlowCalls'] },
  clock_skew: { means: "Fegora's clock and ours differ", person: 'today', alarms: ['ClockSkew'] },
} as const satisfies Record<string, FailureMode>;

/** All of them, by what they are. */
export const failureModes: Readonly<Record<string, Readonly<Record<string, FailureMode>>>> = {
  code: codeModes,
  incident: incidentModes,
  'answer to a login': answerModes,
  'from outside': outerModes,
};

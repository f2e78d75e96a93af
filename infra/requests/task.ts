// Creates a state of Step Functions that sends a request to Fegora. Called by fegora-requests.ts; fegora-requests.test.ts tests it.
import { Duration, type IResolvable, Token } from 'aws-cdk-lib';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import { JitterType, TaskInput, type TaskStateBaseProps, Timeout } from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { repeatedErrors } from './error-names.ts';
import { headerFault, isMethod, type Method, pathFault } from './rules.ts';

/** One request to Fegora. The values can be expressions: of JSONPath (`JsonPath.stringAt`), of JSONata, or of an event. */
export interface FegoraCall {
  /** POST and PATCH are never repeated if they may have arrived. It must be known at synth. */
  readonly method: Method;
  /** Path below the origin, without a query. It begins with one slash. */
  readonly path: string;
  /**
   * Texts, numbers, booleans, or lists of them, by name.
   *
   * @default - no query
   */
  readonly query?: Readonly<Record<string, unknown>> | IResolvable | string | undefined;
  /**
   * Headers by name. The function sets `authorization`, `host` and those of the connection itself.
   *
   * @default - `accept: application/json`
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * An object or a list, which is sent as JSON, or a text, whose type `headers` must name.
   *
   * @default - no body
   */
  readonly body?: unknown;
  /**
   * Statuses from 400 to 499 that are a result, and not the error `FegoraRefused`.
   *
   * @default - only 200 to 299 are a result
   */
  readonly allow?: readonly number[] | undefined;
}

/** A state that sends a request, with what every task of the CDK has. */
export interface FegoraTaskProps
  extends FegoraCall,
    Omit<TaskStateBaseProps, 'integrationPattern' | 'credentials' | 'heartbeat' | 'heartbeatTimeout' | 'timeout'> {
  /** The account whose token is used. */
  readonly account: string;
  /**
   * How often the state repeats a request after an error that may pass.
   *
   * @default 4
   */
  readonly maxAttempts?: number | undefined;
}

/** The alias of the account, and how long its function may run. */
export interface TaskTarget {
  readonly alias: IAlias;
  readonly timeout: Duration;
}

/**
 * Returns the state. Its retries are all that are safe for the method, and no others: it waits for at most 5, 10, 20 and 40 s.
 *
 * @throws Error if the request is one that the function would refuse
 */
export function createTask(
  scope: Construct,
  id: string,
  { account: _, maxAttempts = 4, ...props }: FegoraTaskProps,
  { alias, timeout }: TaskTarget,
): LambdaInvoke {
  const { method, path, query, headers, body, allow, ...state } = props;
  checkRequest(`${scope.node.path}/${id}`, props);
  const task = new LambdaInvoke(scope, id, {
    ...state,
    // The function ends before that. An answer that is not there by then was lost.
    taskTimeout: state.taskTimeout ?? Timeout.duration(timeout.plus(Duration.seconds(15))),
    lambdaFunction: alias,
    payload: TaskInput.fromObject(payloadOf(props)),
    payloadResponseOnly: true,
    // The CDK's own retries also repeat calls that may have reached Fegora.
    retryOnServiceExceptions: false,
  });
  if (maxAttempts > 0) {
    task.addRetry({
      errors: repeatedErrors(method),
      interval: Duration.seconds(5),
      backoffRate: 2,
      maxAttempts,
      maxDelay: Duration.minutes(1),
      jitterStrategy: JitterType.FULL,
    });
  }
  return task;
}

/** Returns the event of the function. */
export function payloadOf({ method, path, query, headers, body, allow }: FegoraCall): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries({ method, path, query, headers, body, allow }).filter(([, value]) => value !== undefined),
  );
}

/** Checks what is known at synth. @throws Error that names the state */
export function checkRequest(who: string, { method, path, headers = {}, allow = [] }: FegoraCall): void {
  const names = Object.keys(headers).filter((name) => !Token.isUnresolved(name));
  const faults = [
    isMethod(method) ? undefined : 'method: must be GET, HEAD, POST, PUT, PATCH or DELETE, and known at synth',
    isExpression(path) ? undefined : withName('path', pathFault(path)),
    ...names.map((name) => withName(`headers: ${name}`, headerFault(name.toLowerCase()))),
    allow.every((status) => status >= 400 && status < 500 && status !== 401)
      ? undefined
      : 'allow: must be statuses from 400 to 499, without 401',
  ].filter((fault) => fault !== undefined);
  if (faults.length > 0) {
    throw new Error(faults.map((fault) => `${who}: ${fault}`).join('\n'));
  }
}

function withName(name: string, fault: string | undefined): string | undefined {
  return fault && `${name} ${fault}`;
}

/** Of JSONPath or of an event, which are tokens of the CDK, or of JSONata. */
function isExpression(path: unknown): boolean {
  return Token.isUnresolved(path) || /^\{%.*%\}$/s.test(String(path));
}

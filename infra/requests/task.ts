// Creates a state of Step Functions that sends a request to Fegora. Called by fegora-requests.ts; fegora-requests.test.ts tests it.
import { Duration, type IResolvable, Token } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  JitterType,
  type RetryProps,
  TaskInput,
  type TaskStateBaseProps,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke, type LambdaInvokeProps } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { repeatedErrors, unsafeErrors } from './error-names.ts';
import { headerFault, isMethod, isRepeatable, type Method, pathFault } from './rules.ts';

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
  readonly alias: IFunction;
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
  const who = `${scope.node.path}/${id}`;
  checkRequest(who, props);
  checkTimeout(who, props, timeout);
  const task = new RequestState(scope, id, method, {
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

/** A `LambdaInvoke` that takes no `Retry` by which Fegora may get a POST or a PATCH twice. */
class RequestState extends LambdaInvoke {
  private readonly method: Method;

  constructor(scope: Construct, id: string, method: Method, props: LambdaInvokeProps) {
    super(scope, id, props);
    this.method = method;
  }

  /** @throws Error if a name is one after which Fegora may have processed the request. Without names, it is `States.ALL` */
  override addRetry(props: RetryProps = {}) {
    const unsafe = unsafeErrors(this.method, props.errors ?? ['States.ALL']);
    if (unsafe.length > 0) {
      throw new Error(
        `${this.node.path}: a ${this.method} must not be repeated after ${unsafe.join(', ')}: Fegora may have processed it. Use addCatch with FegoraRequests.unknownOutcomes, and look it up`,
      );
    }
    return super.addRetry(props);
  }
}

/** If a state ends before its function, a look-up can come before the request that it looks for. */
function checkTimeout(who: string, { method, taskTimeout }: Omit<FegoraTaskProps, 'account'>, timeout: Duration): void {
  if (taskTimeout !== undefined && !isRepeatable(method) && (taskTimeout.seconds ?? 0) < timeout.toSeconds()) {
    throw new Error(
      `${who}: taskTimeout: must be known at synth and not under the time of the function, ${timeout.toSeconds()} s, because a ${method} goes on after the state. Set timeout of FegoraRequests`,
    );
  }
}

/** Returns the event of the function. */
export function payloadOf({ method, path, query, headers, body, allow }: FegoraCall): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries({ method, path, query, headers, body, allow }).filter(([, value]) => value !== undefined),
  );
}

/** Checks what is known at synth. @throws Error that names the state */
export function checkRequest(who: string, request: FegoraCall): void {
  const { method, path, query, headers = {}, allow = [] } = request;
  const names = Object.keys(headers).filter((name) => !Token.isUnresolved(name));
  const faults = [
    isMethod(method) ? undefined : 'method: must be GET, HEAD, POST, PUT, PATCH or DELETE, and known at synth',
    isExpression(path) ? undefined : withName('path', pathFault(path)),
    typeof query !== 'string' || isExpression(query)
      ? undefined
      : 'query: must be an object, or an expression that makes one',
    bodyFault(request),
    ...names.map((name) => withName(`headers: ${name}`, headerFault(name.toLowerCase()))),
    allow.every((status) => status >= 400 && status < 500 && status !== 401)
      ? undefined
      : 'allow: must be statuses from 400 to 499, without 401',
  ].filter((fault) => fault !== undefined);
  if (faults.length > 0) {
    throw new Error(faults.map((fault) => `${who}: ${fault}`).join('\n'));
  }
}

/** What is known at synth: a value that is an expression can become anything. */
function bodyFault({ method, body, headers = {} }: FegoraCall): string | undefined {
  if (body === undefined || body === null || isExpression(body)) {
    return undefined;
  }
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  if (method === 'GET' || method === 'HEAD') {
    return `body: is not for ${method}`;
  }
  if (typeof body === 'string') {
    return hasType ? undefined : 'body: is a text: name its type in the header content-type';
  }
  return typeof body === 'object' ? undefined : 'body: must be a text, an object or a list';
}

function withName(name: string, fault: string | undefined): string | undefined {
  return fault && `${name} ${fault}`;
}

/** Of JSONPath or of an event, which are tokens of the CDK, or of JSONata. */
function isExpression(value: unknown): boolean {
  return Token.isUnresolved(value) || (typeof value === 'string' && /^\{%.*%\}$/s.test(value));
}

// Settings of the only stage of the API: its name, its throttling and its log. Called by api.ts.
import {
  LogGroupLogDestination,
  type MethodDeploymentOptions,
  MethodLoggingLevel,
  type Stage,
  type StageOptions,
} from 'aws-cdk-lib/aws-apigateway';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { acknowledge } from '../acknowledge.ts';
import { type AccessLogProps, type ApiLogging, accessLogFormat } from './access-log.ts';

/** Maximum rate of calls, for each method. */
export interface Throttle {
  /** Average calls per second. */
  readonly ratePerSecond: number;
  /** Calls at once. */
  readonly burst: number;
}

/**
 * As many calls at once as an AWS account runs environments of Lambda by default (1,000). The rate lets as many callers as
 * that in again within two seconds.
 */
export const defaultThrottle: Throttle = { ratePerSecond: 500, burst: 1000 };

/** Settings of the stage. */
export interface StageProps extends AccessLogProps {
  readonly throttle: Throttle;
  /** Whether X-Ray traces calls. */
  readonly tracing: boolean;
}

/** Name of the stage, which is the first part of every path. */
export const stageName = 'v1';

/** Returns the options of the stage: throttling per method, an access log, and no feature that stores a token. */
export function stageOptions({ throttle, tracing }: StageProps, log: LogGroup | undefined): StageOptions {
  const method: MethodDeploymentOptions = {
    throttlingRateLimit: throttle.ratePerSecond,
    throttlingBurstLimit: throttle.burst,
    // Execution logs and data traces contain headers and bodies. A cache would store tokens.
    loggingLevel: MethodLoggingLevel.OFF,
    dataTraceEnabled: false,
    cachingEnabled: false,
    metricsEnabled: false,
  };
  return {
    ...method,
    stageName,
    ...(tracing && { tracingEnabled: true }),
    methodOptions: { '/token/POST': method, '/token/{account}/POST': method },
    ...(log !== undefined && { accessLogDestination: new LogGroupLogDestination(log), accessLogFormat }),
  };
}

/** Acknowledges the rules of cdk-nag that the stage breaks, each with its reason. */
export function acknowledgeStage(stage: Stage, logging: ApiLogging): void {
  acknowledge(
    stage,
    {
      id: 'AwsSolutions-APIG3',
      reason: 'Every call is signed and throttled. A firewall adds cost and sees nothing that IAM does not see.',
    },
    {
      id: 'AwsSolutions-APIG6',
      reason: 'Execution logs contain headers with session tokens. The access log has each caller and outcome.',
    },
    {
      id: 'Serverless-APIGWXrayEnabled',
      reason: 'The access log and the audit record share a request id. X-Ray would need a right on *.',
    },
  );
  if (logging === 'off') {
    const reason = 'A setting switches the log off: this AWS account has no role for the logs of API Gateway.';
    acknowledge(
      stage,
      { id: 'AwsSolutions-APIG1', reason },
      { id: 'Serverless-APIGWAccessLogging', reason },
      { id: 'Serverless-APIGWStructuredLogging', reason },
    );
  }
}

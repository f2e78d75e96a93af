import { Validations } from 'aws-cdk-lib';
import {
  AccessLogField,
  AccessLogFormat,
  LogGroupLogDestination,
  type MethodDeploymentOptions,
  MethodLoggingLevel,
  type Stage,
  type StageOptions,
} from 'aws-cdk-lib/aws-apigateway';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/**
 * API Gateway writes logs with one role for the whole AWS account and region. `account-has-role`: it is there already.
 * `create-role`: make it, for this account has none. `off`: no access log, hence no role needed.
 */
export type ApiLogging = 'account-has-role' | 'create-role' | 'off';

/** How often each method may be called. */
export interface Throttle {
  /** Calls per second, on average. */
  readonly ratePerSecond: number;
  /** Calls at once. */
  readonly burst: number;
}

/** What the API's one stage is made of. */
export interface StageProps {
  readonly logging: ApiLogging;
  readonly logRetention: RetentionDays;
  readonly throttle: Throttle;
}

/** First part of every path. */
export const stageName = 'v1';

/** The stage: throttled per method, with an access log and without everything that would keep a token. */
export function stageOptions(scope: Construct, props: StageProps): StageOptions {
  const method: MethodDeploymentOptions = {
    throttlingRateLimit: props.throttle.ratePerSecond,
    throttlingBurstLimit: props.throttle.burst,
    // Execution logs and data traces hold headers and bodies; a cache would keep tokens.
    loggingLevel: MethodLoggingLevel.OFF,
    dataTraceEnabled: false,
    cachingEnabled: false,
    metricsEnabled: false,
  };
  return {
    ...method,
    stageName,
    methodOptions: { '/token/POST': method, '/token/{account}/POST': method },
    ...(props.logging !== 'off' && {
      accessLogDestination: new LogGroupLogDestination(
        new LogGroup(scope, 'AccessLog', { retention: props.logRetention }),
      ),
      accessLogFormat: AccessLogFormat.custom(JSON.stringify(accessLog)),
    }),
  };
}

/** Who called and what became of it. Never the error's message, which repeats headers, nor a header or a query. */
const accessLog = {
  request_id: AccessLogField.contextRequestId(),
  time: AccessLogField.contextRequestTime(),
  caller: AccessLogField.contextIdentityUserArn(),
  caller_account: AccessLogField.contextIdentityAccountId(),
  source_ip: AccessLogField.contextIdentitySourceIp(),
  method: AccessLogField.contextHttpMethod(),
  resource: AccessLogField.contextResourcePath(),
  path: AccessLogField.contextPath(),
  status: AccessLogField.contextStatus(),
  error_type: AccessLogField.contextErrorResponseType(),
  latency_ms: AccessLogField.contextResponseLatency(),
};

/** Says why the stage lacks what the rule packs ask for. */
export function acknowledgeStage(stage: Stage, logging: ApiLogging): void {
  Validations.of(stage).acknowledge(
    {
      id: 'AwsSolutions-APIG3',
      reason: 'Every call is signed and throttled; a firewall adds cost and sees nothing that IAM does not.',
    },
    {
      id: 'AwsSolutions-APIG6',
      reason:
        'Execution logs hold headers, which hold session tokens. The access log says who called and how it ended.',
    },
    {
      id: 'Serverless-APIGWXrayEnabled',
      reason: 'The access log and the audit record share a request id; X-Ray would add a grant on *.',
    },
  );
  if (logging === 'off') {
    const reason = 'Switched off by a setting: this AWS account has no role for API Gateway to write logs with.';
    Validations.of(stage).acknowledge(
      { id: 'AwsSolutions-APIG1', reason },
      { id: 'Serverless-APIGWAccessLogging', reason },
      { id: 'Serverless-APIGWStructuredLogging', reason },
    );
  }
}

import { Duration, Names, RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  AccessLogField,
  AccessLogFormat,
  LogGroupLogDestination,
  type MethodDeploymentOptions,
  MethodLoggingLevel,
  type Stage,
  type StageOptions,
} from 'aws-cdk-lib/aws-apigateway';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, type IFilterPattern, LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { metricNamespace } from '../../lambda/telemetry/metric-names.ts';

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

/** Makes the log, unless logging is off. */
export function createAccessLog(scope: Construct, { logging, logRetention }: StageProps): LogGroup | undefined {
  return logging === 'off'
    ? undefined
    : new LogGroup(scope, 'AccessLog', {
        retention: logRetention,
        removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      });
}

/** The stage: throttled per method, with an access log and without everything that would keep a token. */
export function stageOptions({ throttle }: StageProps, log: LogGroup | undefined): StageOptions {
  const method: MethodDeploymentOptions = {
    throttlingRateLimit: throttle.ratePerSecond,
    throttlingBurstLimit: throttle.burst,
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
    ...(log !== undefined && {
      accessLogDestination: new LogGroupLogDestination(log),
      accessLogFormat: AccessLogFormat.custom(JSON.stringify(accessLog)),
    }),
  };
}

/** What API Gateway answers by itself. */
export interface GatewayMetrics {
  /** Calls it denied. */
  readonly denials: Metric;
  /** Its own 5xx: the function was not reached, was throttled, crashed, or took too long. */
  readonly failures: Metric;
}

/** Counts in the log: API Gateway's own metrics tell neither from what the function answers. */
export function countRefusals(log: LogGroup): GatewayMetrics {
  const count = (id: string, metricName: string, filterPattern: IFilterPattern) =>
    log
      .addMetricFilter(id, {
        filterPattern,
        metricNamespace: `${metricNamespace}/${Names.uniqueResourceName(log, { maxLength: 128 })}`,
        metricName,
      })
      .metric({ statistic: 'Sum', period: Duration.minutes(5) });
  return {
    denials: count('Denials', 'DeniedByGateway', FilterPattern.stringValue('$.status', '=', '403')),
    failures: count(
      'Failures',
      'GatewayFails',
      // Where the function answered, the kind of error is a hyphen.
      FilterPattern.all(
        FilterPattern.stringValue('$.status', '=', '5*'),
        FilterPattern.stringValue('$.error_type', '!=', '-'),
      ),
    ),
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

// Creates the access log of the API and counts API Gateway's own answers in it. Called by api.ts.
import { Duration, Names, RemovalPolicy } from 'aws-cdk-lib';
import { AccessLogField, AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, type IFilterPattern, LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { metricNamespace } from '../../lambda/telemetry/metric-names.ts';

/**
 * Whether the API has an access log. API Gateway writes all access logs of an AWS account and region with one role.
 *
 * - `account-has-role`: the role exists already.
 * - `create-role`: the stack creates the role, because the AWS account has none.
 * - `off`: no access log, so no role is needed.
 */
export type ApiLogging = 'account-has-role' | 'create-role' | 'off';

/** Settings of the access log. */
export interface AccessLogProps {
  readonly logging: ApiLogging;
  /** How long the log is kept. */
  readonly logRetention: RetentionDays;
  /**
   * What happens to the log when the stack is deleted.
   *
   * @default - CloudFormation keeps the log
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
}

/** Creates the access log. Returns undefined if logging is off. */
export function createAccessLog(scope: Construct, props: AccessLogProps): LogGroup | undefined {
  const { logging, logRetention, removalPolicy } = props;
  return logging === 'off'
    ? undefined
    : new LogGroup(scope, 'AccessLog', {
        retention: logRetention,
        removalPolicy: removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      });
}

/**
 * The fields of a line: caller, request and outcome. A line never has the error message, which repeats headers, and
 * never has a header or a query string.
 */
export const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
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
  }),
);

/** If the function gave the answer, the error type in the log is a hyphen. */
const isByGateway = FilterPattern.stringValue('$.error_type', '!=', '-');

function statusIs(status: string) {
  return FilterPattern.stringValue('$.status', '=', status);
}

/** Counts of the answers that API Gateway gives itself, as sums of 5 minutes. */
export interface GatewayMetrics {
  /** Calls that API Gateway denied to a caller that had signed, and calls over the rate. */
  readonly denials: Metric;
  /** API Gateway's own 5xx: it did not reach the function, or the function was throttled, crashed or too slow. */
  readonly failures: Metric;
}

/**
 * Creates the metric filters on the access log. API Gateway's own metrics do not distinguish its own answers from those
 * of the function.
 */
export function createGatewayMetrics(log: LogGroup): GatewayMetrics {
  const count = (id: string, metricName: string, filterPattern: IFilterPattern) =>
    log
      .addMetricFilter(id, {
        filterPattern,
        metricNamespace: `${metricNamespace}/${Names.uniqueResourceName(log, { maxLength: 128 })}`,
        metricName,
      })
      .metric({ statistic: 'Sum', period: Duration.minutes(5) });
  return {
    denials: count(
      'Denials',
      'DeniedByGateway',
      // Who does not sign is a stranger: every public address gets such calls.
      FilterPattern.all(
        FilterPattern.any(statusIs('403'), statusIs('429')),
        isByGateway,
        FilterPattern.stringValue('$.error_type', '!=', 'MISSING_AUTHENTICATION_TOKEN'),
      ),
    ),
    failures: count('Failures', 'GatewayFails', FilterPattern.all(statusIs('5*'), isByGateway)),
  };
}

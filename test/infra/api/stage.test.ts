// Tests the stage and its access log (infra/api/stage.ts and access-log.ts).
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { asJson, propertiesOf } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');
const isolated = templateOf('private');

describe('the stage', () => {
  test('the stage throttles each method, and stores neither bodies nor tokens', () => {
    const settings = {
      CachingEnabled: false,
      DataTraceEnabled: false,
      LoggingLevel: 'OFF',
      ThrottlingBurstLimit: 1000,
      ThrottlingRateLimit: 500,
    };
    minimal.hasResourceProperties('AWS::ApiGateway::Stage', {
      CacheClusterEnabled: Match.absent(),
      TracingEnabled: Match.absent(),
      MethodSettings: [
        Match.objectLike({ ...settings, HttpMethod: '*', ResourcePath: '/*' }),
        Match.objectLike({ ...settings, HttpMethod: 'POST', ResourcePath: '/~1token' }),
        Match.objectLike({ ...settings, HttpMethod: 'POST', ResourcePath: '/~1token~1{account}' }),
      ],
    });
  });

  test('the access log has the caller and the error type, and never the error message or a header', () => {
    const [stage] = propertiesOf('AWS::ApiGateway::Stage', minimal);
    const format: unknown = JSON.parse(String(asJson(stage?.AccessLogSetting).Format));
    expect(format).toMatchObject({
      caller: '$context.identity.userArn',
      error_type: '$context.error.responseType',
      request_id: '$context.requestId',
    });
    expect(JSON.stringify(format)).not.toMatch(
      /error\.message|messageString|validationErrorString|integrationErrorMessage|authorize\.error|userAgent|input/,
    );
  });

  test('the stage has no log when logging is off, and creates the role for logs only with create-role', () => {
    isolated.hasResourceProperties('AWS::ApiGateway::Stage', { AccessLogSetting: Match.absent() });
    isolated.resourceCountIs('AWS::ApiGateway::Account', 0);
    minimal.resourceCountIs('AWS::ApiGateway::Account', 0);
    full.resourceCountIs('AWS::ApiGateway::Account', 1);
  });
});

describe('the metric filters of the access log', () => {
  test('a metric filter counts what API Gateway refuses to those that sign, and is absent when logging is off', () => {
    minimal.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern:
        '{ (($.status = "403") || ($.status = "429")) && ($.error_type != "-") && ' +
        '($.error_type != "MISSING_AUTHENTICATION_TOKEN") }',
      MetricTransformations: [Match.objectLike({ MetricName: 'DeniedByGateway' })],
    });
    isolated.resourceCountIs('AWS::Logs::MetricFilter', 0);
  });

  test("a metric filter counts API Gateway's own 5xx, and not the answers of the function", () => {
    minimal.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern: '{ ($.status = "5*") && ($.error_type != "-") }',
      MetricTransformations: [Match.objectLike({ MetricName: 'GatewayFails' })],
    });
    full.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmDescription: Match.stringLikeRegexp('GatewayFails\\.$'),
      MetricName: 'GatewayFails',
      Threshold: 1,
    });
  });
});

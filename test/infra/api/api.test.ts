import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { refusalBody, refusalHeaders, refusals } from '../../../infra/api/refusals.ts';
import { BrokerError, isErrorCode } from '../../../lambda/errors.ts';
import { asJson, propertiesOf } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');
const isolated = templateOf('private');

describe('methods', () => {
  test('are two, both POST, both signed for IAM and checked: no OPTIONS, no ANY, nothing at the root', () => {
    const methods = propertiesOf('AWS::ApiGateway::Method', minimal);
    expect(methods.map(({ HttpMethod, AuthorizationType }) => [HttpMethod, AuthorizationType])).toEqual([
      ['POST', 'AWS_IAM'],
      ['POST', 'AWS_IAM'],
    ]);
    for (const method of methods) {
      expect(method).toMatchObject({
        RequestModels: { 'application/json': { Ref: expect.stringMatching(/TokenRequest/) } },
        RequestValidatorId: { Ref: expect.stringMatching(/Validator/) },
      });
      expect(method).not.toHaveProperty('AuthorizerId');
    }
    expect(propertiesOf('AWS::ApiGateway::Resource', minimal).map(({ PathPart }) => PathPart)).toEqual([
      'token',
      '{account}',
    ]);
  });

  test('check parameters and body', () => {
    minimal.hasResourceProperties('AWS::ApiGateway::RequestValidator', {
      ValidateRequestBody: true,
      ValidateRequestParameters: true,
    });
    minimal.hasResourceProperties('AWS::ApiGateway::Method', {
      RequestParameters: { 'method.request.path.account': true },
    });
    minimal.hasResourceProperties('AWS::ApiGateway::Model', {
      ContentType: 'application/json',
      Schema: {
        type: 'object',
        additionalProperties: false,
        required: Match.absent(),
        properties: {
          min_validity: { type: 'number' },
          rejected: { pattern: '^[0-9a-fA-F]{64}$' },
          want: { enum: ['token', 'metadata'] },
        },
      },
    });
  });

  test('reach the http alias alone, as a proxy', () => {
    for (const { Integration } of propertiesOf('AWS::ApiGateway::Method', minimal)) {
      const { Type, Uri, TimeoutInMillis } = asJson(Integration);
      expect(Type).toBe('AWS_PROXY');
      expect(TimeoutInMillis).toBe(29_000);
      expect(JSON.stringify(Uri)).toContain('BrokerFunctionAliashttp');
    }
  });

  test('cannot be called from the console: each has one permission, for the deployed stage', () => {
    const permissions = propertiesOf('AWS::Lambda::Permission', minimal).filter(
      ({ Principal }) => Principal === 'apigateway.amazonaws.com',
    );
    expect(permissions).toHaveLength(2);
    expect(JSON.stringify(permissions)).not.toContain('test-invoke-stage');
  });
});

describe('the stage', () => {
  test('throttles each method and keeps neither bodies nor tokens', () => {
    const settings = {
      CachingEnabled: false,
      DataTraceEnabled: false,
      LoggingLevel: 'OFF',
      ThrottlingBurstLimit: 100,
      ThrottlingRateLimit: 50,
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

  test('logs who called and what kind of error came of it, never its message or a header', () => {
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

  test('has no log where API Gateway has no role, and makes that role only when told to', () => {
    isolated.hasResourceProperties('AWS::ApiGateway::Stage', { AccessLogSetting: Match.absent() });
    isolated.resourceCountIs('AWS::ApiGateway::Account', 0);
    minimal.resourceCountIs('AWS::ApiGateway::Account', 0);
    full.resourceCountIs('AWS::ApiGateway::Account', 1);
  });
});

describe('the endpoint', () => {
  test('is regional and takes TLS 1.2 with forward secrecy or 1.3, for its own host name alone', () => {
    minimal.hasResourceProperties('AWS::ApiGateway::RestApi', {
      EndpointConfiguration: { Types: ['REGIONAL'] },
      SecurityPolicy: 'SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09',
      EndpointAccessMode: 'STRICT',
    });
  });

  test('always has a policy, which a template without one would leave as it was: the last right would stay', () => {
    for (const template of [minimal, full, isolated]) {
      template.hasResourceProperties('AWS::ApiGateway::RestApi', {
        Policy: {
          Statement: Match.arrayWith([
            Match.objectLike({
              Effect: 'Deny',
              Principal: { AWS: '*' },
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            }),
          ]),
        },
      });
    }
  });

  test('is private where endpoints are given, and denies every other way in', () => {
    isolated.hasResourceProperties('AWS::ApiGateway::RestApi', {
      EndpointConfiguration: { Types: ['PRIVATE'], VpcEndpointIds: ['vpce-0123456789abcdef0'] },
      EndpointAccessMode: 'BASIC',
      Policy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Condition: { StringNotEquals: { 'aws:SourceVpce': ['vpce-0123456789abcdef0'] } },
          }),
        ]),
      },
    });
  });

  test('denies whoever is outside of the organisation, and allows nobody for being inside', () => {
    full.hasResourceProperties('AWS::ApiGateway::RestApi', {
      Policy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Condition: { StringNotEquals: { 'aws:PrincipalOrgID': 'o-exampleorg1' } },
          }),
        ]),
      },
    });
  });
});

describe("API Gateway's own refusals", () => {
  const inTemplate = propertiesOf('AWS::ApiGateway::GatewayResponse', minimal);

  test('have a fixed text each, in the shape of our errors, with our headers', () => {
    expect(inTemplate.map(({ ResponseType }) => ResponseType)).toEqual(refusals.map(({ type }) => type));
    for (const { ResponseParameters, ResponseTemplates } of inTemplate) {
      expect(ResponseParameters).toMatchObject({
        'gatewayresponse.header.Cache-Control': "'no-store'",
        'gatewayresponse.header.Pragma': "'no-cache'",
        'gatewayresponse.header.X-Content-Type-Options': "'nosniff'",
      });
      const body = asJson(JSON.parse(String(asJson(ResponseTemplates)['application/json'])));
      expect(Object.keys(asJson(ResponseTemplates))).toEqual(['application/json']);
      expect(body.request_id).toBe('$context.requestId');
      expect(JSON.stringify(body).replace('$context.requestId', '')).not.toContain('$');
    }
  });

  test('cover what API Gateway can refuse in such an API', () => {
    expect(refusals.map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        'ACCESS_DENIED',
        'BAD_REQUEST_BODY',
        'BAD_REQUEST_PARAMETERS',
        'DEFAULT_4XX',
        'DEFAULT_5XX',
        'EXPIRED_TOKEN',
        'INTEGRATION_FAILURE',
        'INTEGRATION_TIMEOUT',
        'INVALID_SIGNATURE',
        'MISSING_AUTHENTICATION_TOKEN',
        'REQUEST_TOO_LARGE',
        'THROTTLED',
        'UNSUPPORTED_MEDIA_TYPE',
      ]),
    );
  });

  test('have the status of their code, never 401; only the two that stand for many leave it to API Gateway', () => {
    const statuses = {
      forbidden: [403],
      invalid_request: [400, 413, 415],
      throttled: [429],
      deadline: [504],
      internal: [500, 502],
    };
    const open = refusals.filter(({ status }) => status === undefined).map(({ type }) => type);
    expect(open).toEqual(['DEFAULT_4XX', 'DEFAULT_5XX']);
    expect(refusals.filter(({ code, status }) => status !== undefined && !statuses[code].includes(status))).toEqual([]);
    expect(inTemplate.map(({ StatusCode }) => StatusCode)).toEqual(
      refusals.map(({ status }) => (status === undefined ? undefined : String(status))),
    );
  });

  test.each(refusals)('$type says what the function would say', (refusal) => {
    expect(isErrorCode(refusal.code)).toBe(true);
    const own = new BrokerError(refusal.code, 'a test').toBody('id');
    expect(JSON.parse(refusalBody(refusal, 'id'))).toEqual(own);
    expect(refusalHeaders(refusal)['Retry-After']).toBe(
      own.retry_after === undefined ? undefined : String(own.retry_after),
    );
  });
});

// Tests the methods, the endpoint and the policy of the API (infra/api/api.ts and request-model.ts).
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { openApi } from '../../support/openapi/check-answer.ts';
import { asJson, propertiesOf } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

const minimal = templateOf('minimal');
const full = templateOf('full');
const isolated = templateOf('private');

describe('the methods of the API', () => {
  test('the API has two methods, both POST, validated and authenticated by IAM, and no OPTIONS, ANY or root method', () => {
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

  test('promise 54: docs/openapi.json has the paths, the stage and the title of the request model', () => {
    const [token, account] = propertiesOf('AWS::ApiGateway::Resource', minimal).map(({ PathPart }) => PathPart);
    expect(Object.keys(openApi.paths)).toEqual([`/${token}`, `/${token}/${account}`]);
    const [server] = openApi.servers;
    minimal.hasResourceProperties('AWS::ApiGateway::Stage', { StageName: server?.variables.basePath?.default });
    const { title } = openApi.components.schemas.TokenRequest;
    minimal.hasResourceProperties('AWS::ApiGateway::Model', { Schema: { title } });
  });

  test('the methods validate the path parameter and the body', () => {
    minimal.hasResourceProperties('AWS::ApiGateway::RequestValidator', {
      ValidateRequestBody: true,
      ValidateRequestParameters: true,
    });
    minimal.hasResourceProperties('AWS::ApiGateway::Method', {
      RequestParameters: { 'method.request.path.account': true },
    });
    minimal.hasResourceProperties('AWS::ApiGateway::Model', {
      ContentType: 'application/json',
      // Only the function can name the member that is at fault, so it gets every object.
      Schema: {
        type: 'object',
        additionalProperties: Match.absent(),
        required: Match.absent(),
        properties: Match.absent(),
      },
    });
  });

  test('the methods invoke only the http alias, as a proxy integration', () => {
    for (const { Integration } of propertiesOf('AWS::ApiGateway::Method', minimal)) {
      const { Type, Uri, TimeoutInMillis } = asJson(Integration);
      expect(Type).toBe('AWS_PROXY');
      expect(TimeoutInMillis).toBe(29_000);
      expect(JSON.stringify(Uri)).toContain('BrokerFunctionAliashttp');
    }
  });

  test('each method has one permission, for the deployed stage, so that the console cannot call it', () => {
    const permissions = propertiesOf('AWS::Lambda::Permission', minimal).filter(
      ({ Principal }) => Principal === 'apigateway.amazonaws.com',
    );
    expect(permissions).toHaveLength(2);
    expect(JSON.stringify(permissions)).not.toContain('test-invoke-stage');
  });
});

describe('the endpoint of the API', () => {
  test('the endpoint is regional and accepts TLS 1.2 with forward secrecy or TLS 1.3, only for its own host name', () => {
    minimal.hasResourceProperties('AWS::ApiGateway::RestApi', {
      EndpointConfiguration: { Types: ['REGIONAL'] },
      SecurityPolicy: 'SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09',
      EndpointAccessMode: 'STRICT',
    });
  });

  test('the API always has a policy, because CloudFormation keeps the old one when a template has none', () => {
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

  test('the endpoint is private and denies calls from elsewhere when the settings name VPC endpoints', () => {
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

  test('the API denies callers outside of the organisation, and has no Allow for those inside', () => {
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

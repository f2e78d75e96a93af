// Creates the REST API: its methods, its endpoint and its policy. Called by token-broker.ts.
import { Duration, Names, Validations } from 'aws-cdk-lib';
import {
  AuthorizationType,
  CfnRestApi,
  EndpointAccessMode,
  EndpointType,
  LambdaIntegration,
  type MethodOptions,
  RestApi,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigateway';
import type { IVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, type Conditions, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { createAccessLog, createGatewayMetrics, type GatewayMetrics } from './access-log.ts';
import { addGatewayResponses } from './gateway-responses.ts';
import { tokenRequest } from './request-model.ts';
import { acknowledgeStage, type StageProps, stageOptions } from './stage.ts';

/** Settings of the API. */
export interface TokenApiProps extends StageProps {
  /** The alias that API Gateway calls. */
  readonly alias: IAlias;
  /**
   * VPC endpoints. If given, the API is private and can only be reached through them.
   *
   * @default - a regional API, which can be reached from everywhere
   */
  readonly vpcEndpoints?: readonly IVpcEndpoint[] | undefined;
  /**
   * Id of an AWS organisation. The API denies all callers outside of it.
   *
   * @default - only IAM policies and the grants decide
   */
  readonly organizationId?: string | undefined;
}

/** The REST API. It has two methods, `POST /token` and `POST /token/{account}`, and IAM authenticates both. */
export class TokenApi extends Construct {
  readonly api: RestApi;
  /** Undefined if logging is off. */
  readonly accessLog: LogGroup | undefined;
  /** Counts of API Gateway's own answers, from the access log. Undefined if logging is off. */
  readonly gatewayMetrics: GatewayMetrics | undefined;

  constructor(scope: Construct, id: string, props: TokenApiProps) {
    super(scope, id);
    this.accessLog = createAccessLog(this, props);
    this.gatewayMetrics = this.accessLog && createGatewayMetrics(this.accessLog);
    this.api = this.createApi(props);
    this.addMethods(props.alias);
    addGatewayResponses(this.api);
    for (const statement of denials(props)) {
      this.api.addToResourcePolicy(statement);
    }
    acknowledgeApi(this.api);
    acknowledgeStage(this.api.deploymentStage, props.logging);
  }

  private createApi(props: TokenApiProps): RestApi {
    const { vpcEndpoints } = props;
    const api = new RestApi(this, 'Resource', {
      // AWS's own metrics have this name as a dimension, so two brokers in one AWS account need different names.
      restApiName: Names.uniqueResourceName(this, { maxLength: 128 }),
      description: 'Access tokens for Fegora',
      cloudWatchRole: props.logging === 'create-role',
      endpointConfiguration:
        vpcEndpoints === undefined
          ? { types: [EndpointType.REGIONAL] }
          : { types: [EndpointType.PRIVATE], vpcEndpoints: [...vpcEndpoints] },
      deployOptions: stageOptions(props, this.accessLog),
    });
    requireModernTls(api, vpcEndpoints !== undefined);
    return api;
  }

  private addMethods(alias: IAlias): void {
    // By default, the integration also permits test calls from the console, which no policy of the API can deny.
    const integration = new LambdaIntegration(alias, { allowTestInvoke: false, timeout: Duration.seconds(29) });
    const options: MethodOptions = {
      authorizationType: AuthorizationType.IAM,
      requestModels: { 'application/json': this.api.addModel('TokenRequest', tokenRequest) },
      requestValidator: this.api.addRequestValidator('Validator', {
        validateRequestBody: true,
        validateRequestParameters: true,
      }),
    };
    const token = this.api.root.addResource('token');
    token.addMethod('POST', integration, options);
    token
      .addResource('{account}')
      .addMethod('POST', integration, { ...options, requestParameters: { 'method.request.path.account': true } });
  }
}

/**
 * Requires TLS 1.2 with forward secrecy, or TLS 1.3. TLS 1.2 stays allowed, because AWS does not say which version its
 * own callers use, for example Step Functions. Callers also reach a private API by the host name of its VPC endpoint.
 * Strict mode would refuse that name.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html
 */
function requireModernTls(api: RestApi, isPrivate: boolean): void {
  const resource = api.node.defaultChild;
  if (!(resource instanceof CfnRestApi)) {
    throw new Error('the construct RestApi has no CfnRestApi: check the version of aws-cdk-lib');
  }
  resource.securityPolicy = SecurityPolicy.TLS13_1_2_PFS_PQ_2025_09;
  resource.endpointAccessMode = isPrivate ? EndpointAccessMode.BASIC : EndpointAccessMode.STRICT;
}

/**
 * Returns the statements that deny calls, even if a grant allows them. The conditions stand in a Deny, never in an
 * Allow: within one AWS account, an Allow in the policy of the API is enough by itself.
 *
 * The first Deny has no effect on callers, because API Gateway only takes TLS. The statement makes sure that the policy
 * is never empty. If a template has no policy, CloudFormation leaves the old policy in place, and the last right that
 * was revoked would stay.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
 */
function denials({ organizationId, vpcEndpoints }: TokenApiProps): PolicyStatement[] {
  const endpointIds = vpcEndpoints?.map(({ vpcEndpointId }) => vpcEndpointId);
  return [
    denyIf('WithoutTls', { Bool: { 'aws:SecureTransport': 'false' } }),
    ...(organizationId
      ? [denyIf('OutsideOfTheOrganization', { StringNotEquals: { 'aws:PrincipalOrgID': organizationId } })]
      : []),
    ...(endpointIds ? [denyIf('PastTheVpcEndpoint', { StringNotEquals: { 'aws:SourceVpce': endpointIds } })] : []),
  ];
}

function denyIf(sid: string, conditions: Conditions): PolicyStatement {
  return new PolicyStatement({
    sid,
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    actions: ['execute-api:Invoke'],
    resources: ['execute-api:/*'],
    conditions,
  });
}

function acknowledgeApi(api: RestApi): void {
  Validations.of(api).acknowledge(
    {
      id: 'AwsSolutions-COG4',
      reason: 'Callers are AWS principals and IAM authenticates every method. There are no users for a user pool.',
    },
    {
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
      reason: 'The setting create-role asks for this policy: API Gateway documents it for its one role per account.',
    },
  );
}

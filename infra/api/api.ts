// Creates the REST API: its methods, its endpoint and its policy. Called by token-broker.ts.
import { Duration, Names } from 'aws-cdk-lib';
import {
  AuthorizationType,
  type DomainName,
  EndpointType,
  LambdaIntegration,
  type MethodOptions,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway';
import type { IVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, type Conditions, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import { createAccessLog, createGatewayMetrics, type GatewayMetrics } from './access-log.ts';
import { type ApiDomain, addDomain } from './domain.ts';
import { addGatewayResponses } from './gateway-responses.ts';
import { tokenRequest } from './request-model.ts';
import { acknowledgeStage, type StageProps, stageOptions } from './stage.ts';
import { overrideTls } from './tls.ts';

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
  /**
   * Host name of the API.
   *
   * @default - only the name that API Gateway chooses
   */
  readonly domain?: ApiDomain | undefined;
}

/** The REST API. It has two methods, `POST /token` and `POST /token/{account}`, and IAM authenticates both. */
export class TokenApi extends Construct {
  readonly api: RestApi;
  /** Undefined if logging is off. */
  readonly accessLog: LogGroup | undefined;
  /** Counts of API Gateway's own answers, from the access log. Undefined if logging is off. */
  readonly gatewayMetrics: GatewayMetrics | undefined;
  /** Undefined if the API only has the name that API Gateway chooses. */
  readonly domain: DomainName | undefined;

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
    this.domain = props.domain && addDomain(this.api, props.domain);
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
    // Callers also reach a private API by the host name of its VPC endpoint. Strict mode would refuse that name.
    overrideTls(api, vpcEndpoints === undefined ? 'STRICT' : 'BASIC');
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
  for (const method of api.methods) {
    acknowledge(method, {
      id: 'AwsSolutions-COG4',
      reason: 'Callers are AWS principals and IAM authenticates every method. There are no users for a user pool.',
    });
  }
  const logRole = api.node.tryFindChild('CloudWatchRole');
  if (logRole !== undefined) {
    acknowledge(logRole, {
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
      reason: 'The setting create-role asks for this policy: API Gateway documents it for its one role per account.',
    });
  }
}

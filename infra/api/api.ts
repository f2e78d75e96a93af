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
import { addRefusals } from './gateway-responses.ts';
import { tokenRequest } from './request.ts';
import {
  acknowledgeStage,
  countRefusals,
  createAccessLog,
  type GatewayMetrics,
  type StageProps,
  stageOptions,
} from './stage.ts';

/** What the API is made of; the defaults are the construct's. */
export interface TokenApiProps extends StageProps {
  /** The alias that API Gateway calls. */
  readonly alias: IAlias;
  /**
   * The VPC endpoints through which alone the API can be reached.
   *
   * @default - a regional API, reachable from anywhere
   */
  readonly vpcEndpoints?: readonly IVpcEndpoint[] | undefined;
  /**
   * Id of the AWS organisation outside of which nobody may call.
   *
   * @default - IAM and the grants alone decide
   */
  readonly organizationId?: string | undefined;
}

/** The REST API: `POST /token` and `POST /token/{account}`, signed for IAM, and nothing else. */
export class TokenApi extends Construct {
  readonly api: RestApi;
  /** Absent where logging is off. */
  readonly accessLog: LogGroup | undefined;
  /** What API Gateway answers by itself, by its log; absent where logging is off. */
  readonly gateway: GatewayMetrics | undefined;

  constructor(scope: Construct, id: string, props: TokenApiProps) {
    super(scope, id);
    this.accessLog = createAccessLog(this, props);
    this.gateway = this.accessLog && countRefusals(this.accessLog);
    this.api = this.createApi(props);
    this.addMethods(props.alias);
    addRefusals(this.api);
    for (const statement of denials(props)) {
      this.api.addToResourcePolicy(statement);
    }
    acknowledgeApi(this.api);
    acknowledgeStage(this.api.deploymentStage, props.logging);
  }

  private createApi(props: TokenApiProps): RestApi {
    const { vpcEndpoints } = props;
    const api = new RestApi(this, 'Resource', {
      // Not an identifier, but the dimension of AWS's own metrics: two brokers in one account must differ.
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
    // Unless told not to, the integration also lets the console's test button in, past every policy of the API.
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
 * TLS 1.2 with forward secrecy, or 1.3. Not 1.3 alone, since AWS does not say what its own callers, such as Step
 * Functions, speak. A private API is also called by its endpoint's own name, which strict mode would refuse.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html
 */
function requireModernTls(api: RestApi, isPrivate: boolean): void {
  const resource = api.node.defaultChild;
  if (!(resource instanceof CfnRestApi)) {
    throw new Error('the REST API has no resource of its own');
  }
  resource.securityPolicy = SecurityPolicy.TLS13_1_2_PFS_PQ_2025_09;
  resource.endpointAccessMode = isPrivate ? EndpointAccessMode.BASIC : EndpointAccessMode.STRICT;
}

/**
 * Who may not call, whatever else is granted. Conditions are never put the other way round, as an Allow for everybody
 * who meets them: within one AWS account such an Allow would be enough by itself. The first Deny takes nothing from
 * anybody, for API Gateway has no other transport. It keeps the policy from ever being empty: CloudFormation leaves an
 * API's policy in place when the template no longer has one, so that the last right would outlive being taken back.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
 */
function denials({ organizationId, vpcEndpoints }: TokenApiProps): PolicyStatement[] {
  const endpointIds = vpcEndpoints?.map(({ vpcEndpointId }) => vpcEndpointId);
  return [
    denyWhere('WithoutTls', { Bool: { 'aws:SecureTransport': 'false' } }),
    ...(organizationId
      ? [denyWhere('OutsideOfTheOrganization', { StringNotEquals: { 'aws:PrincipalOrgID': organizationId } })]
      : []),
    ...(endpointIds ? [denyWhere('PastTheVpcEndpoint', { StringNotEquals: { 'aws:SourceVpce': endpointIds } })] : []),
  ];
}

function denyWhere(sid: string, conditions: Conditions): PolicyStatement {
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
      reason: 'Callers are AWS principals: IAM authenticates every method. There are no users to pool.',
    },
    {
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
      reason:
        'Asked for by the setting create-role: the policy that API Gateway documents for its one role per account.',
    },
  );
}

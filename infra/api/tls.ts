// Sets the TLS versions of the API and of its host name. Called by api.ts and domain.ts.
import { CfnResource } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Requires TLS 1.2 with forward secrecy, or TLS 1.3. TLS 1.2 stays allowed, because AWS does not say which version its
 * own callers use, for example Step Functions. Older versions of aws-cdk-lib do not have these properties.
 *
 * @param mode `STRICT` refuses calls whose TLS server name is not the name of the endpoint
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html
 */
export function overrideTls(construct: IConstruct, mode: 'STRICT' | 'BASIC'): void {
  const resource = construct.node.defaultChild;
  if (!CfnResource.isCfnResource(resource)) {
    throw new Error(`${construct.node.path} has no resource: check the version of aws-cdk-lib`);
  }
  resource.addPropertyOverride('SecurityPolicy', 'SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09');
  resource.addPropertyOverride('EndpointAccessMode', mode);
}

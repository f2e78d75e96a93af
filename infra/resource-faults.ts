// Finds resources of the user that the broker or its callers could never use. Called by prop-faults.ts.
import { type IResource, Stack, Token } from 'aws-cdk-lib';
import { CfnVPCEndpoint, type IVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { Accounts } from './accounts.ts';
import { textOf } from './grants/principal-tokens.ts';
import { regionFault } from './settings/regions.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';

/** Every such resource. Values that are known only at deployment pass. */
export function resourceFaults(scope: Construct, props: TokenBrokerProps): string[] {
  return [
    ...keyFaults(scope, props),
    ...certificateFaults(scope, props),
    ...secretFaults(scope, props.accounts),
    ...(props.vpcEndpoints ?? []).flatMap((endpoint, index) =>
      endpointFaults(scope, endpoint).map((fault) => `vpcEndpoints[${index}]: ${fault}`),
    ),
  ];
}

/** DynamoDB and Secrets Manager only take a key of their own region. */
function keyFaults(scope: Construct, { encryptionKey: key }: TokenBrokerProps): string[] {
  if (key === undefined) {
    return [];
  }
  // The name of an alias of the app is known only at deployment. The ARN of a key of the app is as a whole.
  const isAlias = /^arn:.*:(alias\/|\{\}$)/.test(textOf(scope, key.keyArn));
  return [
    ...regionFault(stackRegion(scope), 'encryptionKey', regionOf(key.keyArn, key)),
    // IAM compares the ARN of the key, also if the request names the alias.
    ...(isAlias ? ['encryptionKey: is an alias, and a right on an alias does not cover its key: pass the key'] : []),
  ];
}

/** A regional API only takes a certificate of its own region. */
function certificateFaults(scope: Construct, { domainName }: TokenBrokerProps): string[] {
  const certificate = domainName?.certificate;
  const region = certificate && regionOf(certificate.certificateArn, certificate);
  return regionFault(stackRegion(scope), 'domainName.certificate', region);
}

/** Undefined if the value is known only at deployment. */
export function ifKnown(value: string | undefined): string | undefined {
  return Token.isUnresolved(value) ? undefined : value;
}

function stackRegion(scope: Construct): string | undefined {
  return ifKnown(Stack.of(scope).region);
}

/** Returns the region of a resource: that of its ARN, or of the stack that makes it. */
function regionOf(arn: string, { env }: IResource): string | undefined {
  return ifKnown(ifKnown(arn)?.split(':')[3] ?? env.region);
}

/** Without a key of its own, the AWS managed key encrypts a secret, and no other AWS account can use that key. */
function secretFaults(scope: Construct, accounts: Accounts): string[] {
  const own = Stack.of(scope).account;
  return Object.entries(accounts).flatMap(([id, { secretArn, secretKeyArn }]) => {
    const [, , , , account = own] = Token.isUnresolved(secretArn) ? [] : (secretArn ?? '').split(':');
    return account === own || Token.isUnresolved(own) || secretKeyArn !== undefined
      ? []
      : [
          `accounts.${id}.secretArn: is in the AWS account ${account}, whose AWS managed key no other account can use: encrypt the secret with a customer managed key, and add secretKeyArn`,
        ];
  });
}

/** The API denies calls past its VPC endpoints, and only endpoints for API Gateway carry calls to it. */
function endpointFaults(scope: Construct, { vpcEndpointId: id, node }: IVpcEndpoint): string[] {
  if (!Token.isUnresolved(id) && !/^vpce-[0-9a-f]{8,17}$/.test(id)) {
    return [`${id} is not the id of a VPC endpoint, such as vpce-0123456789abcdef0`];
  }
  const { defaultChild: child } = node;
  if (!(child instanceof CfnVPCEndpoint) || child.serviceName === undefined) {
    return [];
  }
  const service = textOf(scope, child.serviceName);
  return /\.execute-api|\{\}$/.test(service)
    ? []
    : [
        `${node.path} is an endpoint for ${service}: pass one for execute-api (InterfaceVpcEndpointAwsService.APIGATEWAY)`,
      ];
}

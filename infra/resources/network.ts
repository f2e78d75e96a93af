// Puts the function into a VPC: its subnets, its security group and its rights. Called by token-broker.ts.
import { Annotations } from 'aws-cdk-lib';
import {
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { defaultTokenUrl } from '../../lambda/config.ts';

/** The VPC of the function. */
export interface NetworkProps {
  readonly vpc: IVpc;
  /** @default - the private subnets of the VPC that have a way out */
  readonly vpcSubnets?: SubnetSelection | undefined;
  /** @default - a new security group that only lets out HTTPS and the port of the token endpoint */
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
  /** @default - the default of lambda/config.ts */
  readonly tokenUrl?: string | undefined;
}

/** The settings of the function, in the form of the CDK's construct `Function`. */
export interface FunctionNetwork {
  readonly vpc: IVpc;
  readonly vpcSubnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
}

/**
 * Returns the network settings of the function, and gives its role the right to have network interfaces.
 *
 * @throws Error if a subnet is public or isolated, because a function has no way out of it
 */
export function createNetwork(scope: Construct, role: Role, props: NetworkProps): FunctionNetwork {
  const { vpc, securityGroups = [] } = props;
  const { subnets } = vpc.selectSubnets(props.vpcSubnets);
  const faults = subnetFaults(vpc, subnets);
  if (faults.length > 0) {
    throw new Error(faults.join('\n'));
  }
  if (subnets.length === 1) {
    warnAboutOneSubnet(scope);
  }
  allowInterfaces(role);
  return {
    vpc,
    vpcSubnets: { subnets },
    securityGroups: securityGroups.length > 0 ? [...securityGroups] : [createGroup(scope, props)],
  };
}

/** A function never gets a public address. So a public subnet is no way out for it, in spite of its internet gateway. */
function subnetFaults(vpc: IVpc, subnets: readonly ISubnet[]): string[] {
  const kinds = new Map([
    ...vpc.publicSubnets.map(({ subnetId }) => [subnetId, 'public'] as const),
    ...vpc.isolatedSubnets.map(({ subnetId }) => [subnetId, 'isolated'] as const),
    // Until `Vpc.fromLookup` has looked, the CDK gives all kinds of subnets the same ids.
    ...vpc.privateSubnets.map(({ subnetId }) => [subnetId, undefined] as const),
  ]);
  return subnets.flatMap(({ node, subnetId }) => {
    const kind = kinds.get(subnetId);
    const advice = 'select private subnets with a route to a NAT gateway';
    return kind === undefined
      ? []
      : [`vpcSubnets: ${node.id} is ${kind}, so the function could not reach Fegora: ${advice}`];
  });
}

function warnAboutOneSubnet(scope: Construct): void {
  Annotations.of(scope).addWarningV2(
    'fegora-token-broker:one-subnet',
    'The function has only one subnet. If its availability zone fails, callers get no tokens: add a subnet of another zone.',
  );
}

/** The name server of the VPC needs no rule. */
function createGroup(scope: Construct, { vpc, tokenUrl = defaultTokenUrl }: NetworkProps): SecurityGroup {
  const group = new SecurityGroup(scope, 'SecurityGroup', {
    vpc,
    description: 'The Fegora token broker: HTTPS to Fegora, Secrets Manager and DynamoDB',
    allowAllOutbound: false,
  });
  for (const port of new Set([443, Number(new URL(tokenUrl).port || 443)])) {
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(port), 'Fegora and AWS');
  }
  return group;
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions */
const interfaceActions = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/**
 * Lets Lambda manage the network interfaces with the role, and denies it to the code of the function. The key
 * `lambda:SourceFunctionArn` is only present in requests of the code.
 */
function allowInterfaces(role: Role): void {
  const statement = { actions: interfaceActions, resources: ['*'] };
  role.addToPolicy(new PolicyStatement({ sid: 'NetworkInterfaces', ...statement }));
  role.addToPolicy(
    new PolicyStatement({
      sid: 'NetworkInterfacesForLambdaAlone',
      effect: Effect.DENY,
      ...statement,
      conditions: { Null: { 'lambda:SourceFunctionArn': 'false' } },
    }),
  );
}

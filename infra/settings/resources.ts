// Reads the settings of a stage that stand for other resources: VPC and host name. Called by settings.ts.
import { createReader, listOf, type Note, textLike } from './reader.ts';

/** The VPC of the function. */
export interface NetworkSettings {
  readonly vpcId: string;
  /** Private subnets with a route to a NAT gateway. */
  readonly subnetIds: readonly string[];
  /** Undefined: the stack makes a security group. */
  readonly securityGroupIds: readonly string[] | undefined;
}

/** The host name of the API. */
export interface DomainSettings {
  readonly name: string;
  readonly certificateArn: string;
  /** Undefined: someone else makes the record. */
  readonly hostedZoneId: string | undefined;
}

/** Reads the VPC. Returns undefined if there is none, or if it has a fault. */
export function readNetwork(value: unknown, note: Note): NetworkSettings | undefined {
  if (value === undefined) {
    return;
  }
  const reader = createReader(value, 'network', note);
  const idsLike = (prefix: string) => listOf(textLike(new RegExp(`^${prefix}-[0-9a-f]{8,17}$`)));
  const vpcId = reader.required('vpcId', textLike(/^vpc-[0-9a-f]{8,17}$/), 'must be the id of a VPC');
  const subnetIds = reader.required('subnetIds', idsLike('subnet'), 'must be a list of ids of private subnets');
  const groupProblem = 'must be a list of ids of security groups';
  const securityGroupIds = reader.optional('securityGroupIds', idsLike('sg'), groupProblem);
  reader.finish();
  return vpcId === undefined || subnetIds === undefined ? undefined : { vpcId, subnetIds, securityGroupIds };
}

/** Reads the host name. Returns undefined if there is none, or if it has a fault. */
export function readDomain(value: unknown, note: Note): DomainSettings | undefined {
  if (value === undefined) {
    return;
  }
  const { required, optional, finish } = createReader(value, 'domain', note);
  const name = required('name', textLike(/^([a-z0-9-]{1,63}\.)+[a-z]{2,63}$/), 'must be a host name in lower case');
  const arn = textLike(/^arn:[a-z-]+:acm:[a-z0-9-]+:\d{12}:certificate\/[\w-]+$/);
  const certificateArn = required('certificateArn', arn, 'must be the ARN of a certificate');
  const hostedZoneId = optional('hostedZoneId', textLike(/^Z[A-Z0-9]{1,31}$/), 'must be the id of a hosted zone');
  finish();
  return name === undefined || certificateArn === undefined ? undefined : { name, certificateArn, hostedZoneId };
}

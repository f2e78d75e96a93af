// Imports what the settings of a stage name by id or ARN. Called by stack.ts.
import { Annotations } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { InterfaceVpcEndpoint, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { AlarmTopics } from '../monitoring/alarm-names.ts';
import type { AlarmTopicArns } from '../settings/alarms.ts';
import type { DomainSettings, NetworkSettings } from '../settings/resources.ts';
import type { Settings } from '../settings/settings.ts';
import type { TokenBrokerProps } from '../token-broker-props.ts';

/** Returns the props of a broker that are constructs. */
export function importExisting(scope: Construct, settings: Settings): Partial<TokenBrokerProps> {
  const { alarmTopicArns, encryptionKeyArn, vpcEndpointIds, network, domain } = settings;
  return {
    alarmTopic: alarmTopicArns && importTopics(scope, alarmTopicArns),
    encryptionKey:
      encryptionKeyArn === undefined ? undefined : Key.fromKeyArn(scope, 'EncryptionKey', encryptionKeyArn),
    vpcEndpoints: vpcEndpointIds?.map((vpcEndpointId) =>
      InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(scope, vpcEndpointId, { vpcEndpointId, port: 443 }),
    ),
    domainName: domain && importDomain(scope, domain),
    ...(network && importNetwork(scope, network)),
  };
}

function importTopics(scope: Construct, { urgent, notice }: AlarmTopicArns): AlarmTopics {
  const topic = (id: string, arn: string | undefined) =>
    arn === undefined ? undefined : Topic.fromTopicArn(scope, id, arn);
  return { urgent: topic('UrgentAlarms', urgent), notice: topic('NoticeAlarms', notice) };
}

/** The zones and route tables of the subnets have no effect on the template, so the settings do not name them. */
function importNetwork(scope: Construct, { vpcId, subnetIds, securityGroupIds }: NetworkSettings) {
  const vpc = Vpc.fromVpcAttributes(scope, 'Vpc', {
    vpcId,
    availabilityZones: subnetIds.map((_, index) => `zone-${index}`),
    privateSubnetIds: [...subnetIds],
  });
  Annotations.of(vpc).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId', 'Nothing adds a route.');
  const securityGroups = securityGroupIds?.map((id) => SecurityGroup.fromSecurityGroupId(scope, id, id));
  return { vpc, securityGroups };
}

function importDomain(scope: Construct, { name, certificateArn, hostedZoneId }: DomainSettings) {
  return {
    name,
    certificate: Certificate.fromCertificateArn(scope, 'Certificate', certificateArn),
    // The settings do not name the zone. With this name, the CDK takes the name of the record as complete.
    hostedZone:
      hostedZoneId === undefined
        ? undefined
        : HostedZone.fromHostedZoneAttributes(scope, 'Zone', { hostedZoneId, zoneName: name }),
  };
}
